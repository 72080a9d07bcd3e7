import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { askForApproval, enrol, firstOf } from './contents.js';
import { choose, eventually, press, setBox, untilAnnounced } from './hands.js';
import { keepPicture, seriousFindings } from './looks.js';
import { roundsUntil } from './rounds.js';
import { openHouse } from './stage.js';

const house = openHouse({ prepare: enrol });
const { skip } = house;

const totalOf = async (path: string): Promise<number> => ((await (await house.server.api(`/api/v1${path}`)).json()) as { total: number }).total;

t.test('an order appears by itself in the list, on the dashboard and at its profile: the server tells of it', { skip }, async (t) => {
  const stage = await house.admin();
  const { page } = stage;
  const { id } = await firstOf(house.server, '/cmp-profiles');
  for (const path of ['/orders', '/dashboard', `/cmp-server/${id}?tab=orders`]) {
    const before = await totalOf('/orders');
    await stage.open(path);
    await page.getByText('Live', { exact: true }).waitFor();
    enrol(house.server);
    await page.getByText(`of ${before + 1}`).waitFor();
  }
  await stage.open('/orders');
  const stream = page.waitForRequest(/orders\/events/);
  await page.reload();
  t.match((await stream).headers().accept, 'text/event-stream');
  t.strictSame(stage.faults, []);
  await stage.close();
});

for (const scheme of ['light', 'dark'] as const) {
  t.test(`Dashboard, ${scheme}: orders per day to see and to hear, latency, what expires, and what needs somebody`, { skip }, async (t) => {
    const stage = await house.admin({ scheme, height: 1200 });
    const { page } = stage;
    await stage.open('/dashboard?window=7d');
    const chart = page.getByRole('region', { name: 'Orders per day, last 7 days' });
    t.equal(await chart.getByRole('row').count(), 8, 'the table has every day and a heading');
    const days = (await chart.getByRole('row').allTextContents()).slice(-2);
    t.ok(
      days.some((day) => /\d{4}[1-9]\d*00$/.test(day)),
      'today, or yesterday at midnight, has what was issued',
    );
    await page.getByText('All clear').waitFor();
    t.match(await page.getByRole('region', { name: 'Latency' }).textContent(), /Half were faster than\d[\d.]* (ms|s|min)/);
    t.strictSame(await seriousFindings(page), []);
    await keepPicture(page, `dashboard-whole-${scheme}`);
    await press(page.getByRole('region', { name: 'Expiring certificates' }).getByRole('link').last());
    await page.waitForURL(/certificates\?within=90/);
    await page.getByText('Nothing matches these filters').waitFor();
    t.strictSame(stage.faults, []);
    await stage.close();
  });
}

t.test('many orders: chosen, denied with one reason, told one by one; who may only look has nothing to choose', { skip }, async (t) => {
  const { id, name } = await askForApproval(house.server, 'Asks first', ['/CN=first', '/CN=second', '/CN=third']);
  const stage = await house.admin();
  const { page } = stage;
  await stage.open('/dashboard');
  await page.getByRole('link', { name: '3 awaiting approval' }).waitFor();
  await page.getByRole('region', { name: 'Attention required' }).waitFor();
  await stage.open(`/orders?profileId=${id}`);
  await setBox(page.getByLabel('Choose all on this page'), true);
  await page.getByText('3 chosen').waitFor();
  await setBox(page.getByLabel('Choose CN=third'), false);
  t.equal(await page.getByRole('button', { name: 'Acknowledge (0)' }).isDisabled(), true, 'only what fits is offered');
  await press(page.getByRole('button', { name: 'Deny (2)' }));
  const dialog = page.getByRole('dialog', { name: 'Deny these orders?' });
  await dialog.getByText('CN=first').waitFor();
  t.equal(await dialog.getByRole('button', { name: 'Deny (2)' }).isDisabled(), true, 'a reason is wanted');
  t.strictSame(await seriousFindings(page), []);
  await keepPicture(page, 'bulk-deny');
  await dialog.getByLabel('Reason').fill('not on the list');
  const second = (await (await house.server.api(`/api/v1/orders?profileId=${id}&q=second`)).json()) as { items: { id: string }[] };
  await house.server.api(`/api/v1/orders/${second.items[0]?.id}/approve`, { method: 'POST' });
  await press(dialog.getByRole('button', { name: 'Deny (2)' }));
  await dialog.getByText('Done for 1; not done for 1.').waitFor();
  t.match(await dialog.getByRole('alert').textContent(), /CN=second: /, 'one that was decided meanwhile says so');
  await keepPicture(page, 'bulk-result');
  await press(dialog.getByRole('button', { name: 'Close' }).last());
  await page
    .getByRole('row', { name: /CN=first/ })
    .getByText('Rejected')
    .waitFor();
  await setBox(page.getByLabel('Choose CN=first'), true);
  await press(page.getByRole('button', { name: 'Acknowledge (1)' }));
  await press(page.getByRole('dialog').getByRole('button', { name: 'Acknowledge (1)' }));
  await page.getByRole('dialog').getByText('Done for 1.').waitFor();
  t.equal(await totalOf(`/orders?profileId=${id}&acknowledged=true`), 1);
  t.strictSame(stage.faults, []);
  await stage.close();
  t.equal(name, 'Asks first');
});

t.test('Approvals: every field of an order that waits; one is approved and one denied, each from its line with its reason', { skip }, async (t) => {
  const { id, name } = await askForApproval(house.server, 'One by one', ['/CN=wanted', '/CN=unwanted']);
  const stage = await house.admin();
  const { page } = stage;
  await stage.open('/approvals');
  const line = (subject: string) => page.getByRole('listitem').filter({ has: page.getByRole('link', { name: subject, exact: true }) });
  for (const shown of [name, 'CMP', 'Enrolment', 'Awaiting approval']) await line('CN=wanted').getByText(shown).first().waitFor();
  t.strictSame(await line('CN=wanted').getByRole('button').allTextContents(), ['Approve', 'Deny']);
  await page
    .getByText(/^Checked /)
    .first()
    .waitFor();
  t.strictSame(await seriousFindings(page), []);
  await keepPicture(page, 'approvals-waiting');
  const orderOf = async (subject: string) =>
    ((await (await house.server.api(`/api/v1/orders?profileId=${id}&q=${encodeURIComponent(subject)}`)).json()) as { items: readonly DecidedOrder[] }).items[0];

  await press(line('CN=wanted').getByRole('button', { name: 'Approve' }));
  const approval = page.getByRole('dialog', { name: 'Approve this order?' });
  await approval.getByLabel('Reason').fill('known at the gate');
  await press(approval.getByRole('button', { name: 'Approve' }));
  await untilAnnounced(page, 'The order was approved.');
  await line('CN=wanted').waitFor({ state: 'detached' });
  t.equal(await eventually(async () => (await orderOf('CN=wanted'))?.state ?? '', 'ISSUED'), 'ISSUED');

  await press(line('CN=unwanted').getByRole('button', { name: 'Deny' }));
  const denial = page.getByRole('dialog', { name: 'Deny this order?' });
  t.equal(await denial.getByRole('button', { name: 'Deny' }).isDisabled(), true, 'a reason is wanted');
  await denial.getByLabel('Reason').fill('never seen');
  await press(denial.getByRole('button', { name: 'Deny' }));
  await untilAnnounced(page, 'The order was denied.');
  await line('CN=unwanted').waitFor({ state: 'detached' });
  const denied = await orderOf('CN=unwanted');
  t.match(denied, { state: 'REJECTED', failReason: /never seen/ });

  for (const [order, reason] of [
    [await orderOf('CN=wanted'), 'known at the gate'],
    [denied, 'never seen'],
  ] as const) {
    await stage.open(`/orders/${order?.id}`);
    await page.getByRole('region', { name: 'Timeline' }).getByText(reason).first().waitFor();
    t.equal(await page.getByRole('button', { name: /^(Approve|Deny)$/ }).count(), 0, 'what was decided is not decided again');
  }
  t.strictSame(stage.faults, []);
  await stage.close();
});

interface DecidedOrder {
  readonly id: string;
  readonly state: string;
  readonly failReason: string | null;
}

t.test('Accounts: every field of a device, found by a part of its name and by its profile, with its orders', { skip }, async (t) => {
  const stage = await house.admin();
  const { page } = stage;
  await stage.open('/accounts');
  const heads = (await page.getByRole('columnheader').allTextContents()).map((text) => text.trim());
  t.strictSame(heads, ['Device', 'Profile', 'Tenant', 'First seen', 'Last order', 'Orders']);
  const { id, name: profile } = await firstOf(house.server, '/cmp-profiles?q=demo');
  const row = page.getByRole('row', { name: /img src/ });
  for (const name of [profile, 'default']) await row.getByText(name, { exact: true }).waitFor();
  const [device, ...rest] = await row.getByRole('cell').allTextContents();
  t.equal(device, 'CN=\\<img src\\=x onerror\\=alert(1)\\>');
  t.strictSame(rest.slice(0, 2), [profile, 'default']);
  for (const time of rest.slice(2, 4)) t.match(time, /now|ago/);
  await page.getByRole('searchbox').fill('no such device');
  await page.getByText('Nothing matches these filters').waitFor();
  await page.getByRole('searchbox').fill('IMG SRC');
  await row.waitFor();
  await choose(page, 'Profile', `${profile} (CMP)`);
  await page.waitForURL(new RegExp(`profileId=${id}`));
  await row.waitFor();
  await keepPicture(page, 'accounts-found');
  await press(row.getByRole('link', { name: /^View/ }));
  await page.waitForURL(/\/orders\?accountId=/);
  await page
    .getByRole('row', { name: /img src/ })
    .first()
    .waitFor();
  t.strictSame(stage.faults, []);
  await stage.close();
});

t.test('many profiles: deactivated and deleted at once; what is in use stays and says by what', { skip }, async (t) => {
  for (const name of ['Pile 1', 'Pile 2']) {
    const body = JSON.stringify({ name, connectorId: (await firstOf(house.server, '/connectors')).id });
    await house.server.api('/api/v1/scep-profiles', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  }
  const stage = await house.admin();
  const { page } = stage;
  await stage.open('/scep-server?q=Pile');
  await setBox(page.getByLabel('Choose all on this page'), true);
  await press(page.getByRole('button', { name: 'Deactivate (2)' }));
  await press(page.getByRole('dialog').getByRole('button', { name: 'Deactivate (2)' }));
  await page.getByRole('dialog').getByText('Done for 2.').waitFor();
  await press(page.getByRole('dialog').getByRole('button', { name: 'Close' }).last());
  await page.getByText('Inactive', { exact: true }).nth(2).waitFor();
  await setBox(page.getByLabel('Choose all on this page'), true);
  await press(page.getByRole('button', { name: 'Delete (2)' }));
  await press(page.getByRole('dialog').getByRole('button', { name: 'Delete (2)' }));
  await page.getByText('Nothing matches these filters').waitFor();
  await stage.open('/connectors');
  await setBox(page.getByLabel('Choose Embedded engine'), true);
  await press(page.getByRole('button', { name: 'Delete (1)' }));
  await press(page.getByRole('dialog').getByRole('button', { name: 'Delete (1)' }));
  await page.getByRole('dialog').getByText('not done for 1').waitFor();
  t.equal(await totalOf('/connectors'), 1, 'it is still there');
  t.strictSame(stage.faults, []);
  await stage.close();
});

t.test('every list that the API exports is saved as CSV, with the filters that are set', { skip }, async (t) => {
  const stage = await house.admin();
  const { page } = stage;
  const { id } = await firstOf(house.server, '/connectors');
  await house.server.api(`/api/v1/connectors/${id}/test`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
  t.equal(await eventually(async () => (await totalOf(`/connectors/${id}/logs`)) > 0, true), true, 'the connector has a log');
  const lists = [
    ['/orders?state=CONFIRMED', /^id,createdAt,/, /CONFIRMED/],
    ['/certificates', /^id,/, /img src/],
    ['/accounts', /^id,/, /img src/],
    ['/audit?outcome=success', /^id,at,/, /order\./],
    [`/connectors/${id}?tab=logs`, /^at,level,/, /test|probe/],
  ] as const;
  for (const [path, heading, content] of lists) {
    await stage.open(path);
    const [download] = await Promise.all([page.waitForEvent('download'), press(page.getByRole('button', { name: 'Export CSV' }))]);
    t.match(download.suggestedFilename(), /\.csv$/);
    const text = readFileSync(await download.path(), 'utf8');
    t.match(text, heading, path);
    t.match(text, content, path);
    t.notMatch(text, /REJECTED/, `${path}: nothing that the filters leave out`);
  }
  t.strictSame(stage.faults, []);
  await stage.close();
});

t.test('a page waits three times at most before it shows its list: the program, who asks, what is asked for', { skip }, async (t) => {
  const look = async (path: string): Promise<void> => {
    const stage = await house.admin();
    const { page } = stage;
    const rows = page.locator('table.list tbody tr[data-id]');
    const rounds = await roundsUntil(page, `${house.server.adminUrl}${path}`, async () => (await rows.count()) > 0);
    t.ok(rounds <= 3, `${path}: ${rounds} rounds`);
    t.strictSame(stage.faults, []);
    await stage.close();
  };
  for (const path of ['/orders', '/cmp-server', '/dashboard']) await look(path);
});

t.test('filters are kept in the address and choose by the keyboard alone', { skip }, async (t) => {
  const stage = await house.admin();
  const { page } = stage;
  await stage.open('/orders');
  await choose(page, 'Result', 'Issued');
  await page.waitForURL(/phase=issued/);
  await page
    .getByRole('row', { name: /img src/ })
    .first()
    .waitFor();
  await page.locator('table.list').getByText('Rejected', { exact: true }).first().waitFor({ state: 'detached' });
  t.equal(await eventually(() => page.getByText('Rejected', { exact: true }).count(), 1), 1, 'only the choice of the filter says it');
  t.strictSame(stage.faults, []);
  await stage.close();
});

t.test('a certificate: its chain with the verdict of each signature, and the chain as one file', { skip }, async (t) => {
  const stage = await house.admin();
  const { page } = stage;
  await stage.open(`/certificates/${(await firstOf(house.server, '/certificates')).id}`);
  const chain = page.getByRole('region', { name: 'Chain' });
  await chain.getByText('Signature valid').nth(2).waitFor();
  t.equal(await chain.getByText('Signature valid').count(), 3, 'root, issuing CA, certificate');
  const [download] = await Promise.all([page.waitForEvent('download'), press(page.getByRole('button', { name: 'Download chain' }))]);
  t.equal(readFileSync(await download.path(), 'utf8').match(/BEGIN CERTIFICATE/g)?.length, 3);
  t.strictSame(await seriousFindings(page), []);
  await keepPicture(page, 'certificate-chain');
  t.strictSame(stage.faults, []);
  await stage.close();
});

t.test('an order shows what was exchanged, decoded, with verdicts', { skip }, async (t) => {
  const stage = await house.admin({ height: 1300 });
  const { page } = stage;
  const { id } = await firstOf(house.server, '/orders?phase=issued');
  await stage.open(`/orders/${id}`);
  const messages = page.getByRole('region', { name: 'Messages' });
  await messages.getByText('Certificate that was issued').waitFor();
  await messages.getByText('serialNumber').first().waitFor();
  t.strictSame(await seriousFindings(page), []);
  await keepPicture(page, 'order-messages');
  t.strictSame(stage.faults, []);
  await stage.close();
});

t.test('Decoder: a certificate of which nothing can be checked is not said to have passed; what is broken fails', { skip }, async (t) => {
  const stage = await house.admin();
  const { page } = stage;
  const { id } = await firstOf(house.server, '/certificates');
  const pem = await (await house.server.api(`/api/v1/certificates/${id}`, { headers: { accept: 'application/x-pem-file' } })).text();
  t.match(pem, 'BEGIN CERTIFICATE');
  await stage.open('/decoder');
  await page.getByLabel('Message').fill(pem);
  await press(page.getByRole('button', { name: 'Decode' }));
  const shown = page.getByRole('region', { name: 'Certificate', exact: true });
  await shown.getByText('serialNumber').waitFor();
  await shown.getByText('Nothing to check').waitFor();
  await keepPicture(page, 'decoder-certificate');
  await page.getByLabel('Message').fill('MAA=');
  await press(page.getByRole('button', { name: 'Decode' }));
  await page.getByText('A check failed').waitFor();
  t.strictSame(stage.faults, []);
  await stage.close();
});

t.test('SCEP: a configuration profile for one Apple device, with a challenge of its own and the root', { skip }, async (t) => {
  const stage = await house.admin();
  const { page } = stage;
  await stage.open(`/scep-server/${(await firstOf(house.server, '/scep-profiles?q=demo')).id}`);
  await press(page.getByRole('button', { name: 'Apple configuration profile' }));
  const form = page.getByRole('dialog', { name: 'Apple configuration profile' });
  await form.getByLabel('Device').fill('phone <7>');
  t.strictSame(await seriousFindings(page), []);
  await keepPicture(page, 'apple-profile');
  const [download] = await Promise.all([page.waitForEvent('download'), press(form.getByRole('button', { name: 'Download .mobileconfig' }))]);
  t.equal(download.suggestedFilename(), 'demo.mobileconfig');
  const text = readFileSync(await download.path(), 'utf8');
  t.match(text, /<key>Challenge<\/key><string>[A-Za-z0-9]{20,32}<\/string>/);
  t.match(text, '<string>phone &lt;7&gt;</string>');
  t.match(text, /com\.apple\.security\.root[\s\S]*<data>[A-Za-z0-9+/=]{200,}<\/data>/);
  t.strictSame(stage.faults, []);
  await stage.close();
});

/** The newest event that a checkpoint covers already. The next checkpoint is a minute away at most: what needs one comes last. */
async function coveredEvent(): Promise<string> {
  for (;;) {
    const { items } = (await (await house.server.api('/api/v1/audit-events?limit=25')).json()) as { items: readonly { readonly id: string }[] };
    for (const { id } of items) {
      const { proof } = (await (await house.server.api(`/api/v1/audit-events/${id}`)).json()) as { proof: unknown };
      if (proof !== null) return id;
    }
    await sleep(1_000);
  }
}

t.test('Audit: the browser computes that the events shown are in the signed chain, and finds one that says something else', { skip }, async (t) => {
  const changed = await coveredEvent();
  const stage = await house.admin();
  const { page } = stage;
  await stage.open('/audit');
  const result = page.getByRole('region', { name: 'Chain', exact: true }).getByRole('alert');
  await press(page.getByRole('button', { name: 'Verify what is shown' }));
  const unchanged = /Nothing was changed.*[1-9]\d* of the events shown are in the chain as they were written, 0 are not/s;
  t.match(await eventually(() => result.textContent(), unchanged), unchanged);
  t.strictSame(await seriousFindings(page), []);
  await keepPicture(page, 'audit-verified');
  for (const [member, lie] of [
    ['actor', 'token:nobody'],
    ['at', '2020-01-01T00:00:00.000Z'],
    ['details', { state: 'REVOKED' }],
  ] as const) {
    await page.route(/\/api\/v1\/audit-events\?/, async (route) => {
      const answer = await route.fetch({ maxRetries: 3 });
      const body = (await answer.json()) as { items: readonly { readonly id: string }[] };
      return route.fulfill({ response: answer, json: { ...body, items: body.items.map((item) => (item.id === changed ? { ...item, [member]: lie } : item)) } });
    });
    await stage.open('/audit');
    await press(page.getByRole('button', { name: 'Verify what is shown' }));
    const isFound = /Something was changed.*, 1 are not/s;
    t.match(await eventually(() => result.textContent(), isFound), isFound, member);
    await page.unroute(/\/api\/v1\/audit-events\?/);
  }
  await keepPicture(page, 'audit-changed');
  t.strictSame(stage.faults, []);
  await stage.close();
});
