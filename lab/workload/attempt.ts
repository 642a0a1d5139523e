/** One attempt to write, as the client's ledger keeps it: a line of JSON. Times are epoch milliseconds by the client's clock. */
export interface Attempt {
  /** Unique; never sent twice. */
  id: string;
  sentAt: number;
  answeredAt: number;
  /** HTTP status; 0 where no answer came. */
  status: number;
  /** The site that answered, as the application says it. */
  site?: string;
  /** The application said that the order is committed. */
  acknowledged: boolean;
  /** Why no answer came. */
  error?: string;
}
