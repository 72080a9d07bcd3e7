import type { Page } from 'playwright-core';

const rightToLeft = String.fromCharCode(0x202e);
const openings = ['', '"', "'", '>', '</td>', '</script>', '-->', '${', '\\', rightToLeft];
const payloads = [
  '<img src=x onerror=alert(1)>',
  '<script>alert(1)</script>',
  '<svg/onload=alert(1)>',
  '"onmouseover="alert(1)',
  'javascript:alert(1)',
  '<iframe srcdoc="<script>alert(1)</script>">',
  '<style>*{display:none}</style>',
  "'-alert(1)-' مرحبا بالعالم",
  '{{constructor.constructor("alert(1)")()}}',
  '<a href="javascript:alert(1)" autofocus onfocus=alert(1)>x</a>',
  '<body onload=alert(1)>',
  '<input autofocus onfocus=alert(1)>',
  '<details open ontoggle=alert(1)>',
  '<video><source onerror=alert(1)></video>',
  '<object data="javascript:alert(1)"></object>',
  '<embed src="javascript:alert(1)">',
  '<form><button formaction="javascript:alert(1)">x</button></form>',
  '<math><mtext><script>alert(1)</script></mtext></math>',
  '<base href="https://elsewhere.example/">',
  '<link rel=stylesheet href="https://elsewhere.example/x.css">',
  '<meta http-equiv=refresh content="0;url=https://elsewhere.example/">',
  '&lt;img src=x onerror=alert(1)&gt;',
  '%3Cscript%3Ealert(1)%3C/script%3E',
  '=HYPERLINK("https://elsewhere.example/","x")',
  '__proto__[x]=alert(1)',
  'constructor',
  '../../login?next=//elsewhere.example',
  `${String.fromCharCode(0x200b, 0x2066, 0x2069)}unseen`,
  `${String.fromCharCode(0x300).repeat(400)}stacked`,
  '🏳️‍🌈'.repeat(60),
];

/** 300 names that devices could choose: markup, scripts, text that runs the other way, and some that do not end. */
export const hostileNames: readonly string[] = openings
  .flatMap((opening) => payloads.map((payload) => `CN=${opening}${payload}`))
  .map((name, place) => (place % 20 === 19 ? `${name}${'W'.repeat(5_000)}` : name));

/** Members of the API's answers that people or devices outside can fill. */
const foreign = new Set(
  [
    ['name', 'subject', 'issuer', 'label', 'description', 'tenant', 'connector', 'detail', 'reason', 'failReason', 'transactionId', 'credential'],
    ['clientFamily', 'clientIp', 'source', 'actor', 'object', 'endpointPath', 'serial', 'keyType', 'digest', 'note', 'text', 'message', 'value'],
    ['username', 'displayName', 'email', 'userAgent', 'createdBy', 'recipient', 'recipients', 'ruleName', 'lastError', 'response'],
  ].flat(),
);

/** Answers of the API come with hostile texts in every place that could hold one, and lists are filled with as many rows as there are names. */
export async function answerWithHostileNames(page: Page): Promise<void> {
  let next = 0;
  const hostile = (): string => hostileNames[next++ % hostileNames.length] ?? '';
  const poison = (value: unknown, name = ''): unknown => {
    if (Array.isArray(value)) return value.map((item) => poison(item, name));
    if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, poison(inner, key)]));
    return typeof value === 'string' && foreign.has(name) ? hostile() : value;
  };
  await page.route(/\/api\/v1\/(?!session)/, async (route) => {
    // Never ends, so that there is no whole answer to change.
    if (route.request().url().includes('/orders/events')) return route.continue();
    const answer = await route.fetch({ maxRetries: 3 });
    if (!(answer.headers()['content-type'] ?? '').includes('application/json')) return route.fulfill({ response: answer });
    const body = (await answer.json()) as { items?: readonly { readonly id?: string }[] };
    const first = body.items?.[0];
    const long =
      first?.id === undefined
        ? body
        : { ...body, items: Array.from({ length: hostileNames.length }, (_, place) => ({ ...first, id: `${first.id}-${place}` })) };
    return route.fulfill({ response: answer, json: poison(long) });
  });
}
