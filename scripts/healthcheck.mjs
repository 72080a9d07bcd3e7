// The container's HEALTHCHECK: asks a listener of this node whether it lives. Exit code 0 or 1.
const { env } = process;
const servesDevices = (env.GATEHOUSE_ROLES ?? 'device').includes('device');
const prefix = servesDevices ? 'GATEHOUSE_' : 'GATEHOUSE_ADMIN_';
const port = (env[`${prefix}LISTEN`] ?? (servesDevices ? ':8080' : ':8081')).split(':').pop();
const scheme = env[`${prefix}TLS_CERT_FILE`] === undefined ? 'http' : 'https';
// The certificate is made for the outside name, not for the loopback address from which we ask.
if (scheme === 'https') env.NODE_TLS_REJECT_UNAUTHORIZED = '0';

try {
  const answer = await fetch(`${scheme}://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(4_000) });
  process.exitCode = answer.ok ? 0 : 1;
} catch {
  process.exitCode = 1;
}
