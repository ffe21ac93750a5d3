//! Every keyword that libpq knows, with the variable that stands for it.
//!
//! What becomes of the values is decided where they are assembled: a few are refused there, because they ask for more
//! safety than there is, and those that are remarked below have no effect.

/// One keyword of a connection string.
pub(super) struct Keyword {
    pub(super) name: &'static str,
    pub(super) variable: Option<&'static str>,
}

const fn keyword(name: &'static str, variable: &'static str) -> Keyword {
    Keyword { name, variable: Some(variable) }
}

const fn without_variable(name: &'static str) -> Keyword {
    Keyword { name, variable: None }
}

/// In the order of PostgreSQL's documentation, up to version 18. Kerberos and OAuth are not spoken, so that their settings
/// have no effect: a server that insists on them is refused when connecting.
pub(super) const KEYWORDS: &[Keyword] = &[
    keyword("host", "PGHOST"),
    keyword("hostaddr", "PGHOSTADDR"),
    keyword("port", "PGPORT"),
    keyword("dbname", "PGDATABASE"),
    keyword("user", "PGUSER"),
    keyword("password", "PGPASSWORD"),
    keyword("passfile", "PGPASSFILE"),
    keyword("require_auth", "PGREQUIREAUTH"),
    keyword("channel_binding", "PGCHANNELBINDING"),
    keyword("connect_timeout", "PGCONNECT_TIMEOUT"),
    // No effect: the session sets the encoding that it reads in.
    keyword("client_encoding", "PGCLIENTENCODING"),
    keyword("options", "PGOPTIONS"),
    keyword("application_name", "PGAPPNAME"),
    without_variable("fallback_application_name"),
    without_variable("keepalives"),
    without_variable("keepalives_idle"),
    without_variable("keepalives_interval"),
    without_variable("keepalives_count"),
    without_variable("tcp_user_timeout"),
    without_variable("replication"),
    keyword("gssencmode", "PGGSSENCMODE"),
    keyword("sslmode", "PGSSLMODE"),
    keyword("sslnegotiation", "PGSSLNEGOTIATION"),
    // No effect: TLS is never compressed, and its keys are never logged.
    keyword("sslcompression", "PGSSLCOMPRESSION"),
    keyword("sslcert", "PGSSLCERT"),
    keyword("sslkey", "PGSSLKEY"),
    keyword("sslkeylogfile", "PGSSLKEYLOGFILE"),
    // No effect: an encrypted key is refused where it is read.
    without_variable("sslpassword"),
    keyword("sslcertmode", "PGSSLCERTMODE"),
    keyword("sslrootcert", "PGSSLROOTCERT"),
    keyword("sslcrl", "PGSSLCRL"),
    keyword("sslcrldir", "PGSSLCRLDIR"),
    keyword("sslsni", "PGSSLSNI"),
    keyword("requirepeer", "PGREQUIREPEER"),
    keyword("ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION"),
    keyword("ssl_max_protocol_version", "PGSSLMAXPROTOCOLVERSION"),
    keyword("min_protocol_version", "PGMINPROTOCOLVERSION"),
    keyword("max_protocol_version", "PGMAXPROTOCOLVERSION"),
    keyword("krbsrvname", "PGKRBSRVNAME"),
    keyword("gsslib", "PGGSSLIB"),
    keyword("gssdelegation", "PGGSSDELEGATION"),
    without_variable("scram_client_key"),
    without_variable("scram_server_key"),
    keyword("service", "PGSERVICE"),
    keyword("servicefile", "PGSERVICEFILE"),
    keyword("target_session_attrs", "PGTARGETSESSIONATTRS"),
    keyword("load_balance_hosts", "PGLOADBALANCEHOSTS"),
    without_variable("oauth_issuer"),
    without_variable("oauth_client_id"),
    without_variable("oauth_client_secret"),
    without_variable("oauth_scope"),
];

/// Variables that libpq reads beside those of the keywords.
const OTHER_VARIABLES: [&str; 6] = ["PGREQUIRESSL", "PGSYSCONFDIR", "PGLOCALEDIR", "PGDATESTYLE", "PGTZ", "PGGEQO"];

/// Every variable that libpq reads: what to remove from the environment of a libpq program before giving it its own.
pub fn libpq_variables() -> impl Iterator<Item = &'static str> {
    let variables = KEYWORDS.iter().filter_map(|keyword| keyword.variable);
    variables.chain(OTHER_VARIABLES)
}

pub(super) fn find(name: &str) -> Option<&'static Keyword> {
    KEYWORDS.iter().find(|keyword| keyword.name == name)
}

/// The known keyword that `name` was most probably meant to be.
pub(super) fn nearest_keyword(name: &str) -> Option<&'static str> {
    // What people bring along from other drivers and from the variables.
    let lower = name.to_ascii_lowercase();
    let alias = match lower.as_str() {
        "database" | "db" | "pgdatabase" => Some("dbname"),
        "username" | "role" | "pguser" => Some("user"),
        "pass" | "passwd" | "pwd" | "pgpassword" => Some("password"),
        "hostname" | "server" | "pghost" => Some("host"),
        "ssl" | "ssl_mode" => Some("sslmode"),
        "timeout" => Some("connect_timeout"),
        _ => None,
    };
    alias.or_else(|| nearest(&lower, KEYWORDS.iter().map(|keyword| keyword.name)))
}

/// The candidate with the fewest edits from `word`, if they are few for its length.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > 40 {
        return None;
    }
    candidates
        .into_iter()
        .map(|candidate| (edits(word, candidate), candidate))
        .min()
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 5)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, substitutions and swaps of neighbours that make `b` of `a`.
fn edits(a: &str, b: &str) -> usize {
    let a = a.as_bytes();
    let b = b.as_bytes();
    let mut before = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let substituted = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = substituted.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typos_find_their_keyword() {
        for (typo, meant) in [
            ("hots", "host"),
            ("sslmod", "sslmode"),
            ("ssl_mode", "sslmode"),
            ("prot", "port"),
            ("usr", "user"),
            ("uzer", "user"),
            ("database", "dbname"),
            ("PGPASSWORD", "password"),
            ("target_session_attr", "target_session_attrs"),
            ("connecttimeout", "connect_timeout"),
        ] {
            assert_eq!(nearest_keyword(typo), Some(meant), "{typo}");
        }
        for stranger in ["zzz", "", "fish", "currentSchema"] {
            assert_eq!(nearest_keyword(stranger), None, "{stranger}");
        }
    }

    #[test]
    fn names_are_unique() {
        for (i, keyword) in KEYWORDS.iter().enumerate() {
            assert!(KEYWORDS[i + 1..].iter().all(|other| other.name != keyword.name));
        }
    }
}
