//! `coordinates`: a place becomes one near by, at least half of `meters` away in each direction and at most all of it.
//!
//! Columns of latitude and longitude are moved each for itself; with `by` all places of a person move alike. A degree counts as
//! 111.32 km (WGS 84 at the equator), of longitude too, so that moves from east to west get shorter towards the poles. Whoever
//! sees many places of one person, each moved for itself, can take their mean: `by` does not help there, larger `meters` do.

use super::{Answer, Fault, Kind, Making, Options, Prf, Row, Stream, Transform, Value, Work};

struct Coordinates {
    prf: [Prf; 2],
    degrees: f64,
    /// Beyond this a coordinate comes back from the other side (longitude) or turns round (latitude).
    limit: Option<Limit>,
}

#[derive(Clone, Copy, PartialEq)]
enum Limit {
    Latitude,
    Longitude,
}

const METERS_A_DEGREE: f64 = 111_320.0;

/// With `meters`, 1000 if none is given, and `axis`: `latitude` or `longitude` for a column that has one of them; a point has
/// longitude and latitude.
pub(super) fn make(options: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    let meters = options.integer("meters", 1..=1_000_000)?.unwrap_or(1000);
    let limit = match options.word("axis", &["any", "latitude", "longitude"])? {
        1 => Some(Limit::Latitude),
        2 => Some(Limit::Longitude),
        _ if making.kind == Kind::Point => None,
        _ => return Err(options.fault("`coordinates` needs `axis`: \"latitude\" or \"longitude\"")),
    };
    let prf = [making.prf("longitude"), making.prf("latitude")];
    Ok(Box::new(Coordinates { prf, degrees: meters as f64 / METERS_A_DEGREE, limit }))
}

impl Coordinates {
    fn moved(&self, old: f64, limit: Limit, stream: &mut Stream<'_>) -> f64 {
        if !old.is_finite() {
            return old;
        }
        let part = f64::from(stream.below(1_000_001)) / 1_000_000.0;
        let away = self.degrees * (0.5 + part / 2.0);
        let new = old + if stream.below(2) == 0 { away } else { -away };
        match limit {
            Limit::Latitude if old.abs() <= 90.0 && new.abs() > 90.0 => new.signum() * 180.0 - new,
            Limit::Longitude if old.abs() <= 180.0 && new.abs() > 180.0 => new - new.signum() * 360.0,
            _ => new,
        }
    }
}

impl Transform for Coordinates {
    fn takes(&self, kind: Kind) -> bool {
        match self.limit {
            None => kind == Kind::Point,
            Some(_) => matches!(kind, Kind::Float | Kind::Decimal),
        }
    }

    fn apply(&self, value: Value<'_>, row: &Row<'_>, _: &mut Work, out: &mut Vec<u8>) -> Answer {
        let mut streams = self.prf.each_ref().map(|prf| row.draw(prf, value));
        let limit = self.limit.unwrap_or(Limit::Longitude);
        let stream = usize::from(limit == Limit::Latitude);
        match value {
            Value::Point(x, y) => {
                let [east, north] = &mut streams;
                Answer::Point(self.moved(x, Limit::Longitude, east), self.moved(y, Limit::Latitude, north))
            }
            Value::Float(old) => Answer::Float(self.moved(old, limit, &mut streams[stream])),
            Value::Decimal(text) => {
                let Some(old) = text.parse::<f64>().ok().filter(|old| old.is_finite()) else { return Answer::Keep };
                // As many places as there were.
                let places = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
                let new = self.moved(old, limit, &mut streams[stream]);
                out.extend_from_slice(format!("{new:.places$}").as_bytes());
                Answer::Decimal
            }
            _ => Answer::Null,
        }
    }
}
