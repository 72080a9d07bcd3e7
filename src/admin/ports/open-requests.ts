import type { Context } from '../../tenancy/context.js';

/** What devices sent with orders that are not over yet. */
export interface OpenRequestReader {
  /** DER of the PKCS#10; undefined once the order is over, and where the device sent none. Holds the challenge: only ever decoded. */
  pkcs10Of(context: Context, orderId: string): Promise<Buffer | undefined>;
}
