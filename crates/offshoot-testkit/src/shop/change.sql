-- A little of a shop's day: some rows of some tables change, most stay as they are.
SET TimeZone TO 'UTC';
BEGIN;
UPDATE shop.customer SET score = score + 1 WHERE id % 100 = 0;
UPDATE shop.product SET title = title || ' (new)' WHERE id BETWEEN 100 AND 104;
INSERT INTO shop."order" (placed_on, customer_id, state, comment) SELECT '2025-12-31', 1000 + 7 * i, 'paid', 'the last one 🎆' FROM generate_series(1, 20) AS i;
DELETE FROM shop.page_view WHERE page = '/product/3' AND millis < 10;
UPDATE shop.document SET body = body || '.' WHERE key = 'mixed';
UPDATE shop.edge_case SET text_value = NULL WHERE name = 'empty';
DELETE FROM shop.review WHERE product_id = 7;
INSERT INTO shop.empty_table VALUES (1, 'no longer');
SELECT lo_put(20202, 1, '\x01') \g /dev/null
COMMIT;
