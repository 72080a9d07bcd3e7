/** What an error of the network or of TLS means to who set the connector up, by its code. */
const meanings: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the name is not known to the resolver',
  EAI_AGAIN: 'the resolver does not answer',
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection was cut',
  EHOSTUNREACH: 'there is no way to this host',
  ENETUNREACH: 'there is no way to this network',
  ETIMEDOUT: 'the connection was not accepted in time',
  UND_ERR_CONNECT_TIMEOUT: 'the connection was not accepted in time',
  UND_ERR_RES_EXCEEDED_MAX_SIZE: 'the answer is longer than is read',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "the server's certificate chains to no trusted CA; give the CA's certificate as trustedCa",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "the server's certificate chains to no trusted CA; give the CA's certificate as trustedCa",
  SELF_SIGNED_CERT_IN_CHAIN: "the server's certificate chains to no trusted CA; give the CA's certificate as trustedCa",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the server's certificate is self-signed; give it as trustedCa if it is the right one",
  CERT_HAS_EXPIRED: "the server's certificate has expired",
  CERT_NOT_YET_VALID: "the server's certificate is not valid yet; compare the clocks",
  ERR_TLS_CERT_ALTNAME_INVALID: "the server's certificate is for another name",
  ERR_SSL_WRONG_VERSION_NUMBER: 'no TLS is spoken there; is the port right?',
  EPROTO: 'TLS was refused',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'the server wants a client certificate',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'the server does not know the CA of our client certificate',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: 'the server says that our client certificate has expired',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED: 'the server says that our client certificate is revoked',
  ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE: 'the server does not take a client certificate of this kind',
  ERR_SSL_TLSV1_ALERT_ACCESS_DENIED: 'the server takes our client certificate for valid and denies it access',
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: 'the server does not take our client certificate',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: 'the server does not take our client certificate',
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: 'the server refused the TLS handshake; it may want a client certificate',
};

/** How Node says that the other side hung up during the handshake: many servers do so instead of an alert. */
const cutInHandshake = /before secure TLS connection was established/;
const hungUp = 'the server hung up in the TLS handshake; it may want another client certificate, or is a port without TLS';

/** Why no answer came, in words that hold nothing of what was sent: `ca.example: nothing listens there (ECONNREFUSED)`. */
export function outboundFault(error: unknown, host: string, deadline: AbortSignal): string {
  if (deadline.aborted) return `${host} did not answer in time`;
  if (!(error instanceof Error)) return `${host}: ${String(error)}`;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const [line = ''] = error.message.split('\n');
  const words = cutInHandshake.test(line) ? hungUp : (meanings[code] ?? (line || error.name));
  return `${words.startsWith('Connectors may not reach') ? '' : `${host}: `}${words}${code === '' ? '' : ` (${code})`}`;
}
