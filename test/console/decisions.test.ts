import t from 'tap';
import { buildName, toPem } from '../../src/pkix/index.js';
import { oids } from '../../src/protocol/der/index.js';
import { createAuthority } from '../chaos/hostile-authority.js';
import { eventually, press, untilAnnounced } from './hands.js';
import { keepPicture, seriousFindings } from './looks.js';
import { type Seeded, startSeeded, stuckSubjects, unknownSubjects } from './seed.js';
import { openHouse } from './stage.js';

let seeded: Seeded;
const house = openHouse({
  start: async () => {
    seeded = await startSeeded();
    return seeded.server;
  },
});
const { skip } = house;
const [stranger, backup] = unknownSubjects;

t.test('Dashboard: what needs somebody leads to the stuck orders and to the certificates that nobody asked for', { skip }, async (t) => {
  const stage = await house.admin();
  const { page } = stage;
  await stage.open('/dashboard');
  const attention = page.getByRole('region', { name: 'Attention required' });
  await attention.getByRole('link', { name: `${stuckSubjects.length} stuck` }).waitFor();
  await press(attention.getByRole('link', { name: `${unknownSubjects.length} certificates of a CA that nobody here asked for` }));
  await page.waitForURL(/\/unknown-certificates\?state=FOUND/);
  await page.getByRole('heading', { name: 'Unknown certificates' }).waitFor();
  t.strictSame(stage.faults, []);
  await stage.close();
});

t.test('Unknown certificates: shown with all that is known of them, one is revoked and one kept, each with a reason', { skip }, async (t) => {
  const stage = await house.admin();
  const { page } = stage;
  await stage.open('/unknown-certificates');
  const heads = (await page.getByRole('columnheader').allTextContents()).map((text) => text.trim());
  t.strictSame(heads, ['Subject', 'Connector', 'Issued for', 'State', 'Found', 'Valid until', 'Actions']);
  t.strictSame(await seriousFindings(page), [], 'the list');
  await keepPicture(page, 'unknown-certificates');
  await press(page.getByRole('button', { name: `${stranger}`, exact: true }));
  const facts = page.getByRole('dialog', { name: stranger ?? '' });
  await facts.getByText('Nobody but this connector can have had it issued.').waitFor();
  const [download] = await Promise.all([page.waitForEvent('download'), press(facts.getByRole('button', { name: 'Download PEM' }))]);
  t.match(download.suggestedFilename(), /^[0-9a-f]+\.pem$/);
  await press(facts.getByRole('button', { name: 'Close' }));
  for (const [action, subject, state] of [
    ['Keep', backup, 'Kept'],
    ['Revoke', stranger, 'Being revoked'],
  ] as const) {
    await press(page.getByRole('button', { name: `${action}: ${subject}` }));
    const question = page.getByRole('dialog');
    t.equal(await question.getByRole('button', { name: action, exact: true }).isDisabled(), true, 'a reason is wanted');
    await question.getByLabel('Reason').fill(`because of ${action}`);
    await press(question.getByRole('button', { name: action, exact: true }));
    await page
      .getByRole('row', { name: new RegExp(subject ?? '') })
      .getByText(state)
      .waitFor();
  }
  t.equal(await eventually(() => page.getByRole('button', { name: /^Keep/ }).count(), 0), 0, 'what is kept or revoked is not kept again');
  t.equal(await page.getByRole('button', { name: `Revoke: ${backup}` }).count(), 1, 'what is kept can still be revoked');
  const { items } = (await (await house.server.api('/api/v1/unknown-certificates')).json()) as { items: { subject: string; reason: string }[] };
  t.equal(items.find(({ subject }) => subject === backup)?.reason, 'because of Keep');
  t.equal(items.find(({ subject }) => subject === stranger)?.reason, 'because of Revoke');
  t.strictSame(stage.faults, []);
  await stage.close();
});

t.test('Approvals: a stuck order goes to its CA again, another gets the certificate that the CA did issue, a third is given up', { skip }, async (t) => {
  const stage = await house.admin();
  const { page } = stage;
  await stage.open('/approvals');
  await page.getByText(`Stuck (${stuckSubjects.length})`).waitFor();
  await keepPicture(page, 'approvals-stuck');
  t.strictSame(await seriousFindings(page), []);
  const [again, found, hopeless] = seeded.stuck;
  const authority = createAuthority();
  const pemFor = (name: string): string =>
    toPem('CERTIFICATE', authority.issue(buildName([[oids.commonName, name]]), found?.request.publicKey ?? Buffer.alloc(0)));
  const question = page.getByRole('dialog');

  await stage.open(`/orders/${found?.id}`);
  await press(page.getByRole('button', { name: 'Resolve with a certificate' }));
  await question.getByLabel('Reason').fill('found at the CA');
  t.equal(await question.getByRole('button', { name: 'Resolve with a certificate' }).isDisabled(), true, 'a certificate is wanted');
  await question.getByLabel('Certificate (PEM)').fill(pemFor('somebody else'));
  await press(question.getByRole('button', { name: 'Resolve with a certificate' }));
  await question.getByText(/another subject/).waitFor();
  await question.getByLabel('Certificate (PEM)').fill(pemFor('found'));
  await press(question.getByRole('button', { name: 'Resolve with a certificate' }));
  await untilAnnounced(page, 'The order was resolved.');
  await page.getByRole('region', { name: 'Timeline' }).getByText('found at the CA').waitFor();

  await stage.open(`/orders/${hopeless?.id}`);
  await press(page.getByRole('button', { name: 'Give up' }));
  await question.getByLabel('Reason').fill('the CA is gone');
  await press(question.getByRole('button', { name: 'Give up' }));
  await untilAnnounced(page, 'The order was given up.');
  await page.getByRole('alert').getByText('the CA is gone').waitFor();

  await stage.open(`/orders/${again?.id}`);
  await press(page.getByRole('button', { name: 'Try again' }));
  await question.getByLabel('Reason').fill('the CA has nothing of it');
  await press(question.getByRole('button', { name: 'Try again' }));
  await untilAnnounced(page, 'The order goes to the CA again.');
  await page.getByRole('region', { name: 'Timeline' }).getByText('the CA has nothing of it').waitFor();
  t.equal(await eventually(() => page.getByRole('button', { name: 'Give up' }).count(), 0), 0, 'what was decided is not decided again');
  t.strictSame(
    stage.faults.filter((fault) => !fault.includes('status of 400')),
    [],
  );
  await stage.close();
});
