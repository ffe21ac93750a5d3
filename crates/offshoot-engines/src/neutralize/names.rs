//! What names of columns, settings and options say: that there is the address of a webhook, or a key of another service.
//!
//! Names come as `webhook_url`, `webhookUrl` or `WEBHOOK_URL`; rules are written in the first form, with spaces between
//! them. A star in a rule stands for anything but nothing.

/// Addresses that something is posted to.
const WEBHOOKS: &str = "\
    webhook *_webhook webhook_url webhook_uri webhook_endpoint webhook_target_url *_webhook_url *_webhook_uri \
    webhooks_url hook_url *_hook_url web_hook_url callback_url *_callback_url callback_uri *_callback_uri \
    callback_endpoint postback_url *_postback_url notify_url notification_url *_notification_url ping_url ipn_url \
    slack_url slack_channel_url discord_url teams_url";

/// Tables in which a plain `url` is the address of a webhook.
const WEBHOOK_TABLES: &str = "\
    webhook webhooks web_hook web_hooks *_webhook *_webhooks *_web_hooks webhook_endpoint webhook_endpoints \
    webhook_subscription webhook_subscriptions webhook_config webhook_configs webhook_configurations webhook_targets \
    webhook_destinations webhook_settings webhooks_endpoints";

/// The names of an address in such a table.
const WEBHOOK_TABLE_COLUMNS: &str = "\
    url encrypted_url uri address endpoint target target_url destination destination_url payload_url payload_uri";

/// Keys with which this database's application enters another service. Those with which its own users enter it are left:
/// what resets a password, confirms an address or remembers a session.
const TOKENS: &str = "\
    access_token *_access_token access_tokens refresh_token *_refresh_token oauth_token *_oauth_token \
    oauth_token_secret oauth_secret oauth_access_token_secret auth_token *_auth_token bearer_token bot_token \
    *_bot_token api_token *_api_token api_key *_api_key apikey *_apikey api_keys api_secret *_api_secret \
    api_secret_key secret_key *_secret_key secret_access_key *_secret_access_key access_key *_access_key \
    access_key_secret client_secret *_client_secret app_secret *_app_secret consumer_secret *_consumer_secret \
    shared_secret webhook_secret *_webhook_secret webhook_token webhook_signing_secret signing_secret \
    *_signing_secret signing_key integration_token integration_secret service_role_key *_service_role_key \
    service_account_key service_account_json service_account_credentials private_key *_private_key private_key_pem \
    ssh_private_key personal_access_token app_password smtp_password smtp_pass imap_password pop3_password \
    ftp_password sftp_password proxy_password ldap_password bind_password database_password db_password \
    connection_string *_connection_string database_url sas_token encrypted_access_token encrypted_refresh_token \
    encrypted_api_key encrypted_api_secret encrypted_token encrypted_secret encrypted_credentials \
    access_token_encrypted refresh_token_encrypted api_key_encrypted access_token_ciphertext \
    refresh_token_ciphertext api_key_ciphertext api_secret_ciphertext credentials_encrypted";

/// Tables of connections to other services, in which plainer names mean the same.
const TOKEN_TABLES: &str = "\
    integration integrations *_integration *_integrations integration_* webhook webhooks *_webhook *_webhooks \
    web_hooks webhook_* connector connectors *_connector *_connectors oauth_connections oauth_connection \
    external_credentials api_credentials api_credential integration_credentials service_credentials";

/// The plainer names.
const TOKEN_TABLE_COLUMNS: &str = "\
    token secret password credentials credential secrets tokens headers custom_headers hmac_key hmac_secret \
    data_encrypted auth_data encrypted_properties";

/// Whether a column holds the address of a webhook or callback.
pub fn is_webhook(table: &str, column: &str) -> bool {
    let (table, column) = (snake(table), snake(column));
    is_one_of(&column, WEBHOOKS) || is_one_of(&table, WEBHOOK_TABLES) && is_one_of(&column, WEBHOOK_TABLE_COLUMNS)
}

/// Whether a column holds a key or token of another service.
pub fn is_token(table: &str, column: &str) -> bool {
    let (table, column) = (snake(table), snake(column));
    is_one_of(&column, TOKENS) || is_one_of(&table, TOKEN_TABLES) && is_one_of(&column, TOKEN_TABLE_COLUMNS)
}

/// Whether a name in its first form follows one of the rules.
pub fn is_one_of(name: &str, rules: &str) -> bool {
    rules.split_ascii_whitespace().any(|rule| follows(name, rule))
}

fn follows(name: &str, rule: &str) -> bool {
    match rule.split_once('*') {
        Some((start, end)) => name.len() > start.len() + end.len() && name.starts_with(start) && name.ends_with(end),
        None => name == rule,
    }
}

/// The first form of a name: `webhookURL`, `Webhook-Url` and `WEBHOOK_URL` are `webhook_url`.
pub fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    let characters: Vec<char> = name.chars().collect();
    for (at, &character) in characters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| characters[before]);
        let begins_word = character.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase()
                    || before.is_ascii_digit()
                    || before.is_uppercase() && characters.get(at + 1).is_some_and(|next| next.is_lowercase())
            });
        if begins_word {
            out.push('_');
        }
        match character {
            '-' | ' ' | '.' => out.push('_'),
            other => out.extend(other.to_lowercase()),
        }
    }
    out
}

/// A name without what languages write differently: `retryLimit`, `retry_limit` and `retrylimit` are one.
pub fn fold(name: &str) -> String {
    name.chars().filter(|&character| character != '_').flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_form() {
        for name in ["webhook_url", "webhookUrl", "WebhookURL", "WEBHOOK_URL", "webhook-url"] {
            assert_eq!(snake(name), "webhook_url", "{name}");
        }
        assert_eq!(snake("OutboxMessage"), "outbox_message");
        assert_eq!(snake("HTTPServer2Go"), "http_server2_go");
        assert_eq!(fold("retry_Limit"), "retrylimit");
    }

    #[test]
    fn only_what_reaches_out_is_taken() {
        for (table, column) in [("shops", "webhookUrl"), ("web_hooks", "url"), ("orders", "stripe_callback_url")] {
            assert!(is_webhook(table, column), "{table}.{column}");
        }
        for (table, column) in
            [("pages", "url"), ("apps", "redirect_uri"), ("users", "avatar_url"), ("webhooks", "name")]
        {
            assert!(!is_webhook(table, column), "{table}.{column}");
        }
        for (table, column) in
            [("shops", "shopify_access_token"), ("integrations", "secret"), ("t", "stripeSecretKey"), ("t", "API_KEY")]
        {
            assert!(is_token(table, column), "{table}.{column}");
        }
        for (table, column) in [
            ("users", "encrypted_password"),
            ("users", "reset_password_token"),
            ("sessions", "token"),
            ("t", "api_key_id"),
            ("t", "access_token_expires_at"),
            ("t", "primary_key"),
            ("t", "public_key"),
            ("invitations", "token"),
        ] {
            assert!(!is_token(table, column), "{table}.{column}");
        }
    }
}
