/** What the commands ask of a running server, over HTTP like any other client. */
import { fail, ok, type Result } from '../runtime/result.js';

const timeoutMs = 3_000;

/** Whether a Gatehouse answers at this base URL. `untrusted`: something speaks TLS there, with a certificate we cannot check. */
export async function whoAnswers(baseUrl: string): Promise<'gatehouse' | 'other' | 'untrusted' | 'nobody'> {
  try {
    const answer = await fetch(`${baseUrl}/healthz`, { signal: AbortSignal.timeout(timeoutMs) });
    const text = await answer.text();
    return answer.ok && /^ok$|"status":"ok"/.test(text.trim()) ? 'gatehouse' : 'other';
  } catch (error) {
    const code = error instanceof Error && error.cause instanceof Error && 'code' in error.cause ? String(error.cause.code) : '';
    if (code === 'ECONNREFUSED') return 'nobody';
    return /CERT|SELF_SIGNED|ALTNAME/.test(code) ? 'untrusted' : 'other';
  }
}

/** GET of the admin API; the error is a sentence. */
export async function getFromApi(baseUrl: string, token: string, path: string): Promise<Result<unknown, string>> {
  try {
    const answer = await fetch(`${baseUrl}/api/v1${path}`, { headers: { authorization: `Bearer ${token}` }, signal: AbortSignal.timeout(timeoutMs) });
    return answer.ok ? ok(await answer.json()) : fail(`the admin API answered with HTTP ${answer.status}`);
  } catch (error) {
    return fail(`the admin API could not be asked: ${error instanceof Error ? error.message : String(error)}`);
  }
}
