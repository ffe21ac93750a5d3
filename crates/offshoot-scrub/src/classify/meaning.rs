//! What a column can hold that concerns a person, and the rules that suit it, best first.

/// What values mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Meaning {
    /// A first name, or a middle one.
    FirstName,
    /// A last name.
    LastName,
    /// A whole name.
    FullName,
    /// A name for logging in, a nickname, an account elsewhere.
    Username,
    /// A mail address.
    Email,
    /// A phone number.
    Phone,
    /// A street with or without a number, or a whole postal address.
    Street,
    /// A city of an address.
    City,
    /// A postal code.
    PostalCode,
    /// A company of a person.
    Company,
    /// A job.
    Job,
    /// A date of birth.
    BirthDate,
    /// A number that a state gives a person: social security, tax, passport, licence.
    NationalId,
    /// A payment card's number.
    Card,
    /// The code on a payment card.
    CardCode,
    /// A bank account.
    BankAccount,
    /// An address of the internet protocol.
    Ip,
    /// A device: MAC address, IMEI.
    Device,
    /// A browser's name for itself.
    UserAgent,
    /// An address of a page, found in a text.
    Link,
    /// Where somebody is.
    Coordinates,
    /// A password or its hash.
    Password,
    /// A secret that opens something: API keys, session tokens.
    Token,
    /// Health, belief, origin, orientation, pay.
    Sensitive,
    /// A picture or print of a person.
    Picture,
    /// Sentences that people wrote.
    FreeText,
    /// A document with personal data at some paths.
    Document,
    /// What was made from personal columns of the same row, such as a search vector.
    Derived,
}

impl Meaning {
    /// A few words for it.
    #[must_use]
    pub fn words(self) -> &'static str {
        self.entry().0
    }

    /// Rules for it, best first; what a column refuses is passed over.
    #[must_use]
    pub fn rules(self) -> &'static [&'static str] {
        self.entry().1
    }

    fn entry(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::FirstName => ("first name", &["first-name", "shape", "null"]),
            Self::LastName => ("last name", &["last-name", "shape", "null"]),
            Self::FullName => ("full name", &["full-name", "shape", "null"]),
            Self::Username => ("user name", &["username", "shape", "null"]),
            Self::Email => ("mail address", &["email", "shape", "null"]),
            Self::Phone => ("phone number", &["phone", "shape", "null"]),
            Self::Street => ("postal address", &["street", "shape", "null"]),
            Self::City => ("city", &["city", "shape", "null"]),
            Self::PostalCode => ("postal code", &["postal-code", "null"]),
            Self::Company => ("company", &["company", "shape", "null"]),
            Self::Job => ("job", &["job", "shape", "null"]),
            Self::BirthDate => ("date of birth", &["date-shift", "date-truncate", "shape", "null"]),
            Self::NationalId => ("national id", &["national-id", "null"]),
            Self::Card => ("card number", &["card", "shape", "null"]),
            Self::CardCode => ("card code", &["shape", "null"]),
            Self::BankAccount => ("bank account", &["iban", "shape", "null"]),
            Self::Ip => ("IP address", &["ip", "shape", "null"]),
            Self::Device => ("device", &["shape", "uuid", "null"]),
            Self::UserAgent => ("user agent", &["shape", "null"]),
            Self::Link => ("link", &["shape", "null"]),
            Self::Coordinates => ("coordinates", &["coordinates", "shape", "null"]),
            Self::Password => ("password", &["password", "shape", "null", "empty"]),
            Self::Token => ("secret", &["token", "uuid", "shape", "null", "empty"]),
            Self::Sensitive => ("sensitive attribute", &["shape", "noise", "date-shift", "null"]),
            Self::Picture => ("picture", &["null", "empty"]),
            Self::FreeText => ("free text", &["words", "shape", "null"]),
            Self::Document => ("document", &["json", "null", "empty"]),
            Self::Derived => ("made from personal columns", &["null", "empty"]),
        }
    }
}
