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
export function getFromApi(baseUrl: string, token: string, path: string): Promise<Result<unknown, string>> {
  return askApi(baseUrl, token, path, {});
}

/** POST of the admin API, with a JSON body where one is given; the error is a sentence, the server's own where it has one. */
export function postToApi(baseUrl: string, token: string, path: string, body?: object): Promise<Result<unknown, string>> {
  const content = body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  return askApi(baseUrl, token, path, { method: 'POST', ...content });
}

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

async function askApi(baseUrl: string, token: string, path: string, { headers, ...asked }: Asked): Promise<Result<unknown, string>> {
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const answer = await fetch(`${baseUrl}/api/v1${path}`, { ...asked, headers: { authorization: `Bearer ${token}`, ...headers }, signal });
    return answer.ok ? ok(await answer.json()) : fail(await problemOf(answer));
  } catch (error) {
    return fail(`the admin API could not be asked: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function problemOf(answer: Response): Promise<string> {
  const problem = (await answer.json().catch(() => ({}))) as { readonly detail?: string };
  const said = problem.detail === undefined ? '' : `: ${problem.detail}`;
  return `the admin API answered with HTTP ${answer.status}${said}`;
}
