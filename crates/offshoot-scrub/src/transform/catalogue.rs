//! All transforms by their names.

use super::{Making, Transform};
use super::{
    age, bic, card, composite, constant, coordinates, date, domain, draw, email, entity, hstore, iban, image, ip, isbn,
    json, keep, mac, national_id, noise, number, partial, phone, postal_code, redact, regex, shaped, shuffle, template,
    token, url, user_agent, uuid, vat, word_list, words, xml,
};
use crate::policy::{Fault, Options};
use std::sync::Arc;

/// Makes a transform from the options of a rule.
pub type Maker = Arc<dyn Fn(&mut Options, &Making<'_>) -> Result<Box<dyn Transform>, Fault> + Send + Sync>;

type Make = fn(&mut Options, &Making<'_>) -> Result<Box<dyn Transform>, Fault>;

/// All transforms by name.
const CATALOGUE: [(&str, Make); 56] = [
    ("keep", keep::keep),
    ("null", keep::null),
    ("constant", constant::constant),
    ("empty", constant::empty),
    ("default", constant::column_default),
    ("template", template::make),
    ("one-of", draw::one_of),
    ("lookup", draw::lookup),
    ("shuffle", shuffle::make),
    ("shape", shaped::shape),
    ("redact", redact::make),
    ("partial", partial::make),
    ("words", words::make),
    ("regex", regex::make),
    ("entity", entity::make),
    ("first-name", word_list::first_name),
    ("last-name", word_list::last_name),
    ("full-name", word_list::full_name),
    ("company", word_list::company),
    ("job", word_list::job),
    ("street", word_list::street),
    ("city", word_list::city),
    ("state", word_list::state),
    ("country", word_list::country),
    ("username", shaped::named),
    ("postal-code", postal_code::make),
    ("national-id", national_id::make),
    ("vat", vat::make),
    ("email", email::make),
    ("domain", domain::domain),
    ("host", domain::host),
    ("url", url::make),
    ("ip", ip::make),
    ("mac", mac::make),
    ("user-agent", user_agent::make),
    ("phone", phone::make),
    ("card", card::make),
    ("iban", iban::make),
    ("bic", bic::make),
    ("isin", isbn::isin),
    ("isbn", isbn::isbn),
    ("noise", noise::make),
    ("bucket", number::bucket),
    ("range", number::range),
    ("age-bucket", age::make),
    ("date-shift", date::shift),
    ("date-truncate", date::truncate),
    ("coordinates", coordinates::make),
    ("uuid", uuid::make),
    ("token", token::token),
    ("password", token::password),
    ("image", image::make),
    ("json", json::make),
    ("hstore", hstore::make),
    ("composite", composite::make),
    ("xml", xml::make),
];

/// Finds how to make the transform of this name.
pub(crate) fn find(name: &str) -> Option<Maker> {
    CATALOGUE.iter().find(|(known, _)| *known == name).map(|(_, make)| Arc::new(*make) as Maker)
}

/// The names of the catalogue.
#[must_use]
pub fn names() -> Vec<&'static str> {
    CATALOGUE.iter().map(|(name, _)| *name).collect()
}
