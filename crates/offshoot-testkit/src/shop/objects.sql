-- What comes after the rows: indexes, constraints, views, rules, triggers, rights. A dump calls it post-data.
SET TimeZone TO 'UTC';

CREATE INDEX customer_name ON shop.customer (lower(family_name), given_name COLLATE shop.bytewise DESC NULLS LAST);
CREATE UNIQUE INDEX customer_nick ON shop.customer (nickname, id) WHERE nickname <> '';
CREATE INDEX customer_settings ON shop.customer USING gin (settings jsonb_path_ops);
CREATE INDEX customer_joined ON shop.customer USING brin (joined_at) WITH (pages_per_range = 32);
CREATE INDEX customer_email_hash ON shop.customer USING hash (email);
ALTER TABLE shop.customer CLUSTER ON customer_pkey;
CREATE INDEX address_place ON shop.address USING gist (place);
CREATE INDEX address_city ON shop.address USING spgist (city);
CREATE UNIQUE INDEX product_sku ON shop.product (sku) INCLUDE (title, price);
ALTER TABLE shop.product ADD CONSTRAINT product_sku_key UNIQUE USING INDEX product_sku;
ALTER TABLE shop.product REPLICA IDENTITY USING INDEX product_sku_key;
CREATE INDEX product_words ON shop.product USING gin (words) WITH (fastupdate = off);
CREATE INDEX "an index, with ""quotes""" ON shop.product ((attributes ->> 'colour'), (shop.in_euro(price)));
CREATE INDEX order_customer ON shop."order" (customer_id, placed_on);
CREATE INDEX order_line_product ON shop.order_line (product_id);
ALTER TABLE shop.order_line ALTER each SET STATISTICS 500;
ALTER TABLE shop.document ALTER raw SET STORAGE EXTERNAL;
ALTER TABLE shop.page_view SET (fillfactor = 70, autovacuum_enabled = off);
ALTER TABLE shop.audit REPLICA IDENTITY FULL;
CREATE STATISTICS shop.city_of_country (dependencies, ndistinct) ON city, country FROM shop.address;

-- Cycles: customer -> address -> customer, and the one that spans partitions.
ALTER TABLE shop.address ADD CONSTRAINT address_customer FOREIGN KEY (customer_id) REFERENCES shop.customer ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE shop.customer ADD CONSTRAINT customer_main_address FOREIGN KEY (main_address_id) REFERENCES shop.address ON DELETE SET NULL;
ALTER TABLE shop."order" ADD CONSTRAINT order_customer FOREIGN KEY (customer_id) REFERENCES shop.customer;
ALTER TABLE shop.order_line ADD CONSTRAINT line_order FOREIGN KEY (order_id, placed_on) REFERENCES shop."order" (id, placed_on) MATCH FULL;
ALTER TABLE shop.order_line ADD CONSTRAINT line_product FOREIGN KEY (product_id) REFERENCES shop.product;
ALTER TABLE shop.stock ADD CONSTRAINT stock_product FOREIGN KEY (product_id) REFERENCES shop.product;
ALTER TABLE shop.review ADD CONSTRAINT enough_said CHECK (length(body) > 1000) NOT VALID;
ALTER TABLE shop.contact ADD CONSTRAINT own_rows_only CHECK (id < 100) NO INHERIT;

CREATE VIEW shop.turnover AS
    SELECT date_trunc('month', placed_on)::date AS month, sum(total) AS total, count(*) AS lines FROM shop.order_line GROUP BY 1;
CREATE VIEW shop.adult WITH (security_barrier) AS SELECT * FROM shop.customer WHERE born < '2005-01-01' WITH LOCAL CHECK OPTION;
CREATE RECURSIVE VIEW shop.category_path (id, path) AS
    SELECT id, ARRAY[name] FROM shop.category WHERE parent_id IS NULL
    UNION ALL SELECT c.id, p.path || c.name FROM shop.category c JOIN category_path p ON p.id = c.parent_id AND c.id <> c.parent_id;
CREATE MATERIALIZED VIEW shop.best_seller AS
    SELECT product_id, sum(quantity) AS sold, shop.longest(title) AS title FROM shop.order_line JOIN shop.product p ON p.id = product_id GROUP BY 1;
CREATE UNIQUE INDEX best_seller_product ON shop.best_seller (product_id);
CREATE MATERIALIZED VIEW shop.a_best_of_best AS SELECT * FROM shop.best_seller WHERE sold > 10;
CREATE MATERIALIZED VIEW shop.not_filled AS SELECT * FROM shop.turnover WITH NO DATA;
CREATE VIEW shop.open_ticket AS SELECT id, kind, body FROM shop.ticket WHERE closed IS NOT TRUE;
CREATE RULE no_delete AS ON DELETE TO shop.open_ticket DO INSTEAD NOTHING;

CREATE TRIGGER customer_touch BEFORE UPDATE ON shop.customer FOR EACH ROW WHEN (OLD.score IS DISTINCT FROM NEW.score) EXECUTE FUNCTION shop.touch();
CREATE TRIGGER review_shout BEFORE INSERT ON shop.review FOR EACH ROW EXECUTE FUNCTION shop.shout();
CREATE TRIGGER product_audit AFTER UPDATE ON shop.product REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION shop.note_changes();
CREATE TRIGGER ticket_shout BEFORE INSERT ON shop.employee FOR EACH ROW WHEN (false) EXECUTE FUNCTION shop.shout();
ALTER TABLE shop.employee DISABLE TRIGGER ticket_shout;
ALTER TABLE shop.review ENABLE ALWAYS TRIGGER review_shout;

COMMENT ON TABLE shop.customer IS E'People who bought something.\nThe word "customer" is theirs; it''s ours too.';
COMMENT ON INDEX shop.customer_name IS 'for the search box 🔍';
COMMENT ON CONSTRAINT line_product ON shop.order_line IS '';
COMMENT ON CONSTRAINT address_customer ON shop.address IS 'half of a cycle';
COMMENT ON TRIGGER review_shout ON shop.review IS 'must not see restored rows';
COMMENT ON MATERIALIZED VIEW shop.best_seller IS 'Refreshed by hand';

GRANT USAGE ON SCHEMA shop TO shop_reader, "shop clerk";
GRANT SELECT ON ALL TABLES IN SCHEMA shop TO shop_reader;
REVOKE SELECT ON shop.session_cache FROM shop_reader;
GRANT INSERT, UPDATE (body, closed) ON shop.ticket TO "shop clerk" WITH GRANT OPTION;
GRANT USAGE ON SEQUENCE shop.order_number TO "shop clerk";
GRANT SELECT ON LARGE OBJECT 20201 TO shop_reader;
REVOKE EXECUTE ON FUNCTION shop.in_euro(shop.price) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION shop.in_euro(shop.price) TO shop_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO shop_reader;
ALTER TABLE "Büro & ""Lager"""."Regal ""A"" – größte Körbe, kein Tisch; xxxxxxxxxxxxxxxxxxxx" OWNER TO "shop clerk";
ANALYZE;
