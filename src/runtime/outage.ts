/** Node's codes for a host that cannot be found or reached, or a connection that broke. */
const network = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN']);
/** SQLSTATE classes 08 (connection exception) and 57P (the server is shut down or still starting); a session it ended for being idle. */
const lost = /^((08|57P)\w{2,3}|25P0[34])$/;
/**
 * SQLSTATE classes 40 (a race lost again and again) and 53 (no connection, memory or disk space left); a statement or a lock that took
 * too long (57014, 55P03); and a server that takes no writes, as after a failover to one that is still a standby (25006).
 */
const exhausted = /^((40|53)\w{3}|57014|55P03|25006)$/;
/** Of these the driver tells by words alone. */
const lostWords = /^Connection terminated|not queryable/;
const waitedTooLong = /^timeout (exceeded when trying to connect|expired)$/;

/** Whether the other side went away or was never there, so that the same may be tried again on a new connection. */
export function isConnectionLost(error: unknown): boolean {
  const { code, message } = read(error);
  return network.has(code) || lost.test(code) || lostWords.test(message);
}

/**
 * Whether the database is away: whoever asked may come again later. Everything else that is thrown is a bug, or a machine that
 * is broken for good.
 */
export function isOutage(error: unknown): boolean {
  const { code, message } = read(error);
  return isConnectionLost(error) || exhausted.test(code) || waitedTooLong.test(message);
}

function read(error: unknown): { readonly code: string; readonly message: string } {
  if (!(error instanceof Error)) return { code: '', message: '' };
  const { code } = error as { code?: unknown };
  return { code: typeof code === 'string' ? code : '', message: error.message };
}
