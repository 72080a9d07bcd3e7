import t from 'tap';
import { composeMail, type MailContent, testMail } from '../../src/notification/content.js';
import { lastDigestTime } from '../../src/notification/digest-time.js';
import { emptyGathering, gather, gatheringOf } from '../../src/notification/gathering.js';
import { eventKinds, kindOfAction, kindWords } from '../../src/notification/kinds.js';
import type { ClaimedMail } from '../../src/notification/ports.js';
import { renderHtml, renderText } from '../../src/notification/render.js';
import { headerText, shownText } from '../../src/notification/safe-text.js';
import { messageOf, resultOf } from '../../src/notification/send-mails.js';

const occasion = { kind: 'order-failed', ruleName: 'Operators', tenantName: 'Acme', consoleUrl: 'https://gatehouse.example.test' } as const;
const row = (device: string, reason = 'The CA refused.') => ({
  cells: ['0192', '2026-03-04 05:06:07 UTC', 'Routers (scep)', device, '192.0.2.1', reason],
  tally: reason,
});

t.test('a mail says what happened, to what, why, and what to do now, as text and as HTML', async (t) => {
  const { subject, content } = composeMail(gatheringOf([row('CN=router-1'), row('CN=router-2')]), occasion);
  t.equal(subject, '[Gatehouse] 2 orders failed (Acme)');
  for (const shown of [renderText(content), renderHtml(content)]) {
    for (const part of [
      '2 orders failed',
      'Acknowledge them',
      'CN=router-1',
      'CN=router-2',
      'Routers (scep)',
      'The CA refused.',
      'Operators',
      'https://gatehouse.example.test',
    ]) {
      t.ok(shown.includes(part), part);
    }
  }
  t.notMatch(renderHtml(content), /<(script|img|link|iframe|a)\b|url\(/, 'nothing is loaded and nothing is to be clicked');
});

t.test('every kind of event has words, one column per cell, and comes from an action or from a watcher', async (t) => {
  for (const kind of eventKinds) {
    t.not(kindWords[kind].headline(1), '', kind);
    t.not(kindWords[kind].advice, '', kind);
    t.ok(kindWords[kind].columns.length > 0, kind);
  }
  t.equal(kindOfAction('order.expired'), 'order-failed');
  t.equal(kindOfAction('order.issued'), undefined);
});

/** Names a device may ask for. */
const hostile = {
  markup: ['CN=<script>alert(1)</script>', '<script>'],
  'an attribute broken out of': [`CN=" onmouseover="x' autofocus='`, '" onmouseover="'],
  'an entity': ['CN=&lt;b&gt;', 'CN=&lt;b'],
  'a turned direction': ['CN=exe.\u202Egpj.elif', '\u202E'],
  'an isolate that is never closed': ['CN=\u2067abc', '\u2067'],
  'an Arabic letter mark and other marks': ['CN=a\u061C\u200E\u200Fb', '\u200F'],
  'invisible characters': ['CN=ad\u200Bmin\u00AD\uFEFF', '\u200B'],
  'tag characters': ['CN=a\u{E0041}\u{E007F}', '\u{E0041}'],
  'line breaks': ['CN=a\r\nBcc: victim@example.net\r\n\r\nbody', '\r\nBcc'],
  'separators of lines': ['CN=a\u2028b\u2029c\u0085d', '\u2028'],
  'escape sequences': ['CN=\u001B[31mred\u0007', '\u001B'],
  'a link': ['CN=http://evil.example/login', 'http://evil'],
  'half a character': ['CN=\ud800', '\ud800'],
} as const;

for (const [what, [name, forbidden]] of Object.entries(hostile)) {
  t.test(`hostile names: ${what}`, async (t) => {
    const { content } = composeMail(gatheringOf([row(name, name)]), { ...occasion, ruleName: name, tenantName: name });
    const [text, html] = [renderText(content), renderHtml(content)];
    t.notOk(html.includes(forbidden), html);
    if (!['markup', 'an attribute broken out of', 'an entity'].includes(what)) t.notOk(text.includes(forbidden), text);
    const { subject } = composeMail(gatheringOf([]), { ...occasion, tenantName: name });
    t.notMatch(subject, /[\r\n\u2028\u2029\u202E\u2067]/);
    t.equal(
      text
        .split('\n')
        .filter((line) => line.includes('Bcc'))
        .every((line) => line.includes('CN=')),
      true,
    );
  });
}

t.test('names in other scripts stay as they are', async (t) => {
  for (const name of ['CN=Müller & Söhne', 'CN=株式会社', 'CN=שרת', 'CN=🔑']) t.equal(shownText(name), name);
  t.match(renderHtml(composeMail(gatheringOf([row('CN=שרת')]), occasion).content), /<bdi>CN=שרת<\/bdi>/, 'a right-to-left name turns nothing else around');
});

t.test('a header is one line of bounded length', async (t) => {
  t.equal(headerText(`a${'b'.repeat(500)}`).length, 200);
  t.equal(headerText('a\r\n b'), 'a\ufffd\ufffd b');
});

t.test('a storm takes no more room than fifty orders and twenty reasons', async (t) => {
  let gathering = emptyGathering;
  for (let index = 0; index < 40; index += 1) {
    gathering = gather(gathering, gatheringOf(Array.from({ length: 250 }, (_, item) => row(`CN=${'x'.repeat(2_000)}`, `reason ${index * 250 + item}`))));
  }
  t.equal(gathering.count, 10_000);
  t.equal(gathering.items.length, 50);
  t.ok(Object.keys(gathering.tallies).length <= 21);
  t.equal(
    Object.values(gathering.tallies).reduce((sum, count) => sum + count, 0),
    10_000,
  );
  const { content } = composeMail(gathering, occasion);
  t.equal(content.more, 9_950);
  t.match(renderText(content), /and 9950 more\./);
  t.ok(renderText(content).length + renderHtml(content).length < 100_000);
});

t.test('the digest is due at its hour of its weekday, UTC', async (t) => {
  const at = (digest: { weekday: number; hour: number }, now: string) => lastDigestTime(digest, new Date(now)).toISOString();
  t.equal(at({ weekday: 1, hour: 6 }, '2026-03-04T05:06:07Z'), '2026-03-02T06:00:00.000Z', 'a Wednesday: last Monday');
  t.equal(at({ weekday: 1, hour: 6 }, '2026-03-02T06:00:00Z'), '2026-03-02T06:00:00.000Z', 'to the second');
  t.equal(at({ weekday: 1, hour: 6 }, '2026-03-02T05:59:59Z'), '2026-02-23T06:00:00.000Z');
  t.equal(at({ weekday: 0, hour: 0 }, '2026-03-02T05:59:59Z'), '2026-03-01T00:00:00.000Z');
  t.equal(at({ weekday: 4, hour: 23 }, '1970-01-09T00:00:00Z'), '1970-01-08T23:00:00.000Z');
});

const content: MailContent = testMail({ ruleName: '', tenantName: 'Acme', consoleUrl: 'https://x' }).content;
const claimed = (change: Partial<ClaimedMail> = {}): ClaimedMail => {
  const fixed = { id: '1', tenantId: '2', connectorId: '3', recipient: 'a@example.test', subject: 's', content, fence: 1 };
  return { ...fixed, attempts: 1, createdAt: new Date('2026-03-04T05:06:07Z'), giveUpAt: new Date(Date.now() + 86_400_000), ...change };
};

t.test('every attempt sends the same mail', async (t) => {
  t.same(messageOf(claimed()), messageOf(claimed({ attempts: 7, fence: 9 })));
  t.match(messageOf(claimed()), { id: '1', to: 'a@example.test', date: new Date('2026-03-04T05:06:07Z') });
});

t.test('what was refused for good is not tried again; everything else is, ever more rarely, for a day', async (t) => {
  const ready = { maxProcessingMs: 600_000 };
  t.same(resultOf(claimed(), { kind: 'refused', reason: '550' }, ready, 0.5), { kind: 'dead', reason: '550' });
  const delays = [1, 2, 3, 7, 8, 30].map((attempts) => {
    const result = resultOf(claimed({ attempts }), { kind: 'deferred', reason: '451' }, ready, 0.5);
    return result.kind === 'retry' ? result.delayMs / 60_000 : 0;
  });
  t.same(delays, [1, 2, 4, 60, 60, 60]);
  for (const kind of ['deferred', 'unreachable', 'uncertain'] as const) t.match(resultOf(claimed(), { kind, reason: 'x' }, ready, 0), { kind: 'retry' }, kind);
  t.match(resultOf(claimed(), { kind: 'uncertain', reason: 'x' }, ready, 0), { delayMs: 600_000 }, 'not before the first copy is through');
  const late = resultOf(
    claimed({ attempts: 30, giveUpAt: new Date(Date.now() + 1_000) }),
    { kind: 'unreachable', reason: 'nothing listens there.' },
    ready,
    0.5,
  );
  t.match(late, { kind: 'dead', reason: 'nothing listens there. It was given up after 30 attempts.' });
});
