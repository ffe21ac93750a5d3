//! Addresses and keys in columns.

use crate::said;
use offshoot_testkit::postgres::{Binaries, shared_of};

#[test]
fn addresses_and_keys_go_and_their_neighbours_stay() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let db = server.fresh_db("secrets");
        server.psql(
            &db,
            "CREATE DOMAIN https AS text CHECK (VALUE LIKE 'https://%');
             CREATE TABLE shops (id int PRIMARY KEY, name text, webhook_url text, access_token varchar(12) NOT NULL UNIQUE,
               callback_url https NOT NULL, api_key uuid NOT NULL, stripe_secret_key bytea, redirect_uri text, reset_password_token text);
             INSERT INTO shops SELECT i, 'Shop', 'https://a.example/' || i, 'tok-' || i, 'https://b.example', md5(random()::text)::uuid, 'k',
               'https://me.example', 'r' FROM generate_series(1, 3) i;
             CREATE TABLE web_hooks (id int PRIMARY KEY, url varchar(30) NOT NULL UNIQUE, name text NOT NULL);
             INSERT INTO web_hooks VALUES (1, 'https://c.example', 'n'), (2, 'https://d.example', 'n');
             CREATE TABLE integrations (id int PRIMARY KEY, credentials jsonb NOT NULL, \"refreshToken\" text, token text);
             INSERT INTO integrations VALUES (1, '{\"key\": \"k\"}', 'r', ''), (2, '{}', NULL, NULL);
             CREATE TABLE keys (api_key text PRIMARY KEY); CREATE TABLE uses (id int, api_key text REFERENCES keys);
             INSERT INTO keys VALUES ('k1'); INSERT INTO uses VALUES (1, 'k1');
             CREATE TABLE pairs (a int, b text, UNIQUE (a, b)); INSERT INTO pairs VALUES (1, 'x');
             CREATE TABLE whole (a int, \"accessToken\" text, FOREIGN KEY (a, \"accessToken\") REFERENCES pairs (a, b) MATCH FULL);
             INSERT INTO whole VALUES (1, 'x')",
        );
        assert_eq!(
            said(server, &db),
            [
                "tokens: column public.integrations.\"refreshToken\": 1 set to NULL",
                "tokens: column public.integrations.credentials: 1 emptied",
                "tokens: column public.keys.api_key: 1 stays as it is: other tables refer to it (warning)",
                "tokens: column public.shops.access_token: 3 replaced by what opens nothing",
                "tokens: column public.shops.api_key: 3 replaced by what opens nothing",
                "tokens: column public.shops.stripe_secret_key: 3 set to NULL",
                "tokens: column public.uses.api_key: 1 set to NULL",
                "tokens: column public.whole.\"accessToken\": 1 stays as it is: it refers to another table together with other columns \
                 (warning)",
                "webhooks: column public.shops.callback_url: 3 points to nowhere",
                "webhooks: column public.shops.webhook_url: 3 set to NULL",
                "webhooks: column public.web_hooks.url: 2 points to nowhere",
            ]
        );
        let shops = "SELECT count(*), count(webhook_url), count(DISTINCT access_token), bool_or(access_token LIKE 'tok%'), min(length(access_token)),
                       min(callback_url), count(DISTINCT api_key), count(redirect_uri), count(reset_password_token) FROM shops";
        assert_eq!(server.psql(&db, shops), "3|0|3|f|5|https://webhook.invalid/|3|3|3");
        assert_eq!(
            server.psql(&db, "SELECT count(DISTINCT url), bool_and(url LIKE 'http%://%.invalid/%') FROM web_hooks"),
            "2|t"
        );
    }
}

#[test]
fn values_of_types_that_nothing_else_is_known_of_become_null_or_are_said() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let db = server.fresh_db("opaque");
        server.psql(
            &db,
            "CREATE EXTENSION hstore;
             CREATE TYPE pair AS (id text, secret text); CREATE TYPE kind AS ENUM ('sk_live', 'none');
             CREATE DOMAIN pairs AS pair;
             CREATE TABLE integrations (id int, credentials hstore, api_key xml, access_token pairs, api_secret kind, webhook boolean, access_key int,
               client_secret pair NOT NULL);
             INSERT INTO integrations VALUES (1, 'a=>b', '<k/>', ROW('a', NULL), 'sk_live', true, 7, ROW(NULL, NULL)),
               (2, NULL, NULL, NULL, NULL, NULL, NULL, ROW('a', 'b'))",
        );
        assert_eq!(
            said(server, &db),
            [
                "tokens: column public.integrations.access_token: 1 set to NULL",
                "tokens: column public.integrations.api_key: 1 set to NULL",
                "tokens: column public.integrations.api_secret: 1 set to NULL",
                "tokens: column public.integrations.client_secret: 2 stays as it is: it may not be NULL, and no other value of its type \
                 is known (warning)",
                "tokens: column public.integrations.credentials: 1 set to NULL",
            ]
        );
        assert_eq!(server.psql(&db, "SELECT webhook, access_key FROM integrations WHERE id = 1"), "t|7");
    }
}
