/** SQLSTATE of what a server answered; nothing where none did. */
export const sqlStateOf = (error: unknown): string | undefined => (error as { code?: string } | undefined)?.code;
