/** What the demo application keeps, and what its role may do. The password is bound by the caller. */
export const TABLES = `
CREATE TABLE orders (
  id          text PRIMARY KEY,
  client      text NOT NULL,
  amount      bigint NOT NULL CHECK (amount > 0),
  site        text NOT NULL,
  -- JSON, as text: what the application writes is its own affair.
  details     text,
  -- Over the columns before it, by the application.
  checksum    text,
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE order_lines (
  order_id text NOT NULL REFERENCES orders (id),
  line     integer NOT NULL,
  amount   bigint NOT NULL,
  PRIMARY KEY (order_id, line)
);
CREATE TABLE health_markers (
  site       text PRIMARY KEY,
  marker     uuid NOT NULL,
  written_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
GRANT SELECT, INSERT, UPDATE ON orders, order_lines, health_markers TO orders_app;
-- So that the owner can end the application's connections.
GRANT orders_app TO CURRENT_USER;
`;
