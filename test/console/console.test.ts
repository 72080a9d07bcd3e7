import type { Page } from 'playwright-core';
import t from 'tap';
import { enrol, firstOf, type Named, places } from './contents.js';
import { choose, eventually, press } from './hands.js';
import { answerWithHostileNames, hostileNames } from './hostile.js';
import { cutShort, isLookedAt, keepPicture, rulesOfColour, seriousFindings } from './looks.js';
import { openHouse } from './stage.js';

const house = openHouse({ prepare: enrol });
const { skip } = house;

/** Nothing is read again: the page follows the colours of the system. */
async function inColours(page: Page, scheme: 'light' | 'dark'): Promise<void> {
  await page.emulateMedia({ colorScheme: scheme });
  await page.locator(`html[data-mantine-color-scheme="${scheme}"]`).waitFor({ state: 'attached' });
  // Colours glide from one to the other, and have no contrast to speak of on the way.
  await page.waitForFunction(() =>
    document.getAnimations().every((gliding) => gliding.playState !== 'running' || gliding.effect?.getTiming().iterations === Infinity),
  );
}

t.test('signing in: a wrong password is told with its request id, the right one leads on; initial scripts stay within 200 kB', { skip }, async (t) => {
  const stage = await house.stage();
  const { page } = stage;
  let scriptBytes = 0;
  page.on('response', (response) => {
    if (!response.url().endsWith('.js')) return;
    scriptBytes += Number(response.headers()['content-length'] ?? 0);
  });
  await stage.open('/orders?state=ISSUED');
  await page.waitForURL(/\/login\?next=/);
  t.equal(await page.getByRole('table').count(), 0, 'nobody sees anything before signing in');
  t.comment(`scripts of the first page: ${scriptBytes} bytes, compressed`);
  t.ok(scriptBytes > 100_000 && scriptBytes <= 200_000, `${scriptBytes} bytes`);
  const { admin } = house.server.firstRun;
  await page.getByLabel('User name').fill(admin.username);
  await page.getByLabel('Password', { exact: true }).fill('not the password');
  await press(page.getByRole('button', { name: 'Sign in' }));
  t.match(await page.getByRole('alert').textContent(), /Request id: [0-9a-f-]{36}/);
  await page.getByLabel('Password', { exact: true }).fill(admin.password);
  await press(page.getByRole('button', { name: 'Sign in' }));
  await page.waitForURL(/\/orders\?state=ISSUED/);
  await page.getByRole('heading', { name: 'Orders' }).waitFor();
  await page.getByRole('table').or(page.getByText('Nothing matches')).first().waitFor();
  t.comment(`with the first list: ${scriptBytes} bytes`);
  t.ok(scriptBytes <= 200_000, `${scriptBytes} bytes with the first list`);
  await page.reload();
  await page.getByRole('heading', { name: 'Orders' }).waitFor();
  await press(page.getByRole('button', { name: /^Account/ }));
  await press(page.getByRole('menuitem', { name: 'Log out' }));
  await page.waitForURL(/\/login/);
  await page.goto(`${house.server.adminUrl}/orders`);
  await page.waitForURL(/\/login/);
  t.strictSame(
    stage.faults.filter((fault) => !/status of 401/.test(fault)),
    [],
  );
  await stage.close();
});

const sizes = { wide: { width: 1280, height: 860 }, narrow: { width: 768, height: 1024 } } as const;

t.test('every page, light and dark: 0 serious findings of axe, 0 errors, 0 refusals of the policy; at 1280 and 768 px nothing is cut', { skip }, async (t) => {
  const stage = await house.admin();
  const { page } = stage;
  for (const [name, path] of await places(house.server)) {
    await page.setViewportSize(sizes.wide);
    await stage.visit(path);
    await inColours(page, 'light');
    t.strictSame(await cutShort(page), [], `${name}: marks are whole and the page never grows out of the window, 1280 px`);
    t.strictSame(await seriousFindings(page), [], `${name}, light`);
    await keepPicture(page, `${name}-light`);
    await inColours(page, 'dark');
    t.strictSame(await seriousFindings(page, rulesOfColour), [], `${name}, dark`);
    await keepPicture(page, `${name}-dark`);
    if (['dashboard', 'orders', 'audit'].includes(name)) {
      const hidden = await page.locator('table.list').evaluate((table) => table.scrollWidth - (table.parentElement?.clientWidth ?? 0));
      t.ok(hidden <= 0, `${name}: the last column is in sight (${hidden})`);
    }
    await page.setViewportSize(sizes.narrow);
    t.strictSame(await cutShort(page), [], `${name}: marks are whole and the page never grows out of the window, 768 px`);
    if (isLookedAt) await keepPicture(page, `${name}-dark-768`);
    if (isLookedAt) await inColours(page, 'light');
    if (isLookedAt) await keepPicture(page, `${name}-light-768`);
  }
  t.strictSame(stage.faults, []);
  await stage.close();
});

t.test('300 hostile names in every place that can hold one, on every page: shown as text, no dialog, nothing refused by the policy', { skip }, async (t) => {
  t.equal(hostileNames.length, 300);
  const stage = await house.admin();
  const asked = await places(house.server);
  await answerWithHostileNames(stage.page);
  for (const [name, path] of asked) {
    await stage.visit(path);
    t.equal(await stage.page.locator('main img, main iframe, main script, [onerror], [onload], [onmouseover], a[href^="javascript"]').count(), 0, name);
    t.notMatch(await stage.page.locator('main').textContent(), String.fromCharCode(0x202e), `${name}: text that turns its surroundings around is written out`);
    t.strictSame(await cutShort(stage.page), [], name);
  }
  await stage.open('/orders');
  t.match(await stage.page.getByRole('table').textContent(), '<img src=x onerror=alert(1)>', 'it is shown as text');
  await keepPicture(stage.page, 'hostile-orders');
  t.strictSame(stage.faults, []);
  await stage.close();
});

t.test('CMP Server: six cards, columns, form with live validation, secret shown once, highlighted row, filters in the address', { skip }, async (t) => {
  const stage = await house.admin();
  const { page } = stage;
  await stage.open('/cmp-server');
  const cards = ['Total Orders', 'Success Rate', 'Active Orders', 'Failed Orders', 'Average Processing Time', 'Active Accounts'];
  t.strictSame(await page.locator('[data-card]').evaluateAll((found) => found.map((card) => card.getAttribute('data-card'))), cards);
  const heads = (await page.getByRole('columnheader').allTextContents()).map((text) => text.trim());
  const orders = page.locator('[data-card="Total Orders"]');
  t.equal(await orders.locator('[data-trend]').getAttribute('data-trend'), 'up', 'a card says how it was in the window before');
  t.match(await orders.textContent(), /0 before/);
  await press(page.getByText('24 h', { exact: true }));
  await page.waitForURL(/window=24h/);
  t.strictSame(heads, ['Profile Name', 'Associated Connector', 'Status', 'Tenant Association', 'Orders (success / failed / total)', 'Actions']);
  await page.keyboard.press('n');
  const form = page.getByRole('dialog', { name: 'Add CMP Profile' });
  await form.waitFor();
  for (const label of ['Name', 'Connector', 'Java Base URL', 'Endpoint Path', 'Description', 'Status']) {
    await form.getByLabel(label).first().waitFor();
  }
  t.strictSame(await seriousFindings(page), [], 'the form');
  await keepPicture(page, 'cmp-form');
  await form.getByLabel('Endpoint Path').fill('no/slash');
  await form.getByText('One part of a path').waitFor();
  await form.getByLabel('Endpoint Path').fill('');
  await press(form.getByRole('button', { name: 'Create CMP Profile' }));
  await form.getByText('Required').first().waitFor();
  await form.getByRole('textbox', { name: 'Name', exact: true }).fill('Floor 7');
  await choose(page, 'Connector', 'Embedded engine');
  await form.getByText('/cmp/floor-7').waitFor();
  await press(form.getByRole('button', { name: 'Create CMP Profile' }));
  const once = page.getByRole('dialog', { name: 'Credentials of the devices' });
  await once.waitFor();
  t.match(await once.textContent(), /Shown this once.*Reference.*Shared secret/s);
  await press(once.getByRole('button', { name: 'Close' }));
  await page.locator('tr.highlighted', { hasText: 'Floor 7' }).waitFor();
  await page.locator('[role="dialog"]').waitFor({ state: 'detached' });
  const search = page.getByRole('searchbox');
  await page.keyboard.press('/');
  t.equal(await eventually(() => search.evaluate((box) => box === document.activeElement), true), true, '/ goes to the search');
  await search.pressSequentially('floor');
  await page.waitForURL(/q=floor/);
  await page.getByRole('row', { name: /demo/ }).waitFor({ state: 'detached' });
  await choose(page, 'Status', 'Inactive');
  await page.getByText('Nothing matches these filters').waitFor();
  await page.reload();
  await page.getByText('Nothing matches these filters').waitFor();
  await press(page.getByRole('button', { name: 'Clear All' }).first());
  await page.getByRole('row', { name: /demo/ }).waitFor();
  t.notMatch(page.url(), /q=|status=/);
  t.strictSame(stage.faults, []);
  await stage.close();
});

t.test('a profile: two people change it at once, its secret is rotated, it is deleted', { skip }, async (t) => {
  const made = await house.server.api('/api/v1/cmp-profiles', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'Contested', connectorId: (await firstOf(house.server, '/connectors')).id }),
  });
  const { id } = (await made.json()) as Named;
  const stage = await house.admin();
  const { page } = stage;
  await stage.open(`/cmp-server/${id}`);
  t.match(await page.getByRole('main').textContent(), /\/cmp\/contested/);
  await press(page.getByRole('button', { name: 'Edit' }));
  const form = page.getByRole('dialog', { name: 'Edit CMP profile' });
  await form.getByLabel('Description').fill('mine');
  await house.server.api(`/api/v1/cmp-profiles/${id}`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json', 'if-match': '*' },
    body: JSON.stringify({ description: 'theirs' }),
  });
  await press(form.getByRole('button', { name: 'Save changes' }));
  await form.getByText('Somebody else has changed this meanwhile').waitFor();
  await press(form.getByRole('button', { name: 'Load the present state' }));
  await page.getByText('theirs').waitFor();
  await press(page.getByRole('button', { name: 'Rotate secret' }));
  await press(page.getByRole('dialog').getByRole('button', { name: 'Rotate secret' }));
  const once = page.getByRole('dialog', { name: 'Credentials of the devices' });
  await once.getByText('The old secret works until').waitFor();
  await press(once.getByRole('button', { name: 'Close' }));
  await press(page.getByRole('button', { name: 'Delete' }));
  await press(page.getByRole('dialog').getByRole('button', { name: 'Delete' }));
  await page.waitForURL(/\/cmp-server$/);
  await page.getByRole('heading', { name: 'CMP Server', level: 1 }).waitFor();
  t.equal((await house.server.api(`/api/v1/cmp-profiles/${id}`)).status, 404);
  t.strictSame(
    stage.faults.filter((fault) => !/status of 412/.test(fault)),
    [],
  );
  await stage.close();
});

t.test('SCEP Server: five cards, columns, form, a challenge for one device', { skip }, async (t) => {
  const stage = await house.admin();
  const { page } = stage;
  await stage.open('/scep-server');
  const cards = ['Total Orders', 'Success Rate', 'Active Failed Orders', 'Average Processing', 'Active Accounts'];
  t.strictSame(await page.locator('[data-card]').evaluateAll((found) => found.map((card) => card.getAttribute('data-card'))), cards);
  const heads = (await page.getByRole('columnheader').allTextContents()).map((text) => text.trim());
  t.strictSame(heads, ['Profile Name', 'Status', 'Associated Tenant', 'Server URL', 'Connectors', 'Actions']);
  await press(page.getByRole('button', { name: 'Add SCEP Profile' }));
  const form = page.getByRole('dialog', { name: 'Add SCEP Profile' });
  await form.getByLabel('Profile Name').fill('Printers');
  await choose(page, 'Connectors', 'Embedded engine');
  await form.getByLabel('Challenge Password').fill('PrinterSecret1');
  const mode = form.getByRole('combobox', { name: 'Challenge mode' });
  const typedOne = 'Static: one for all devices';
  t.equal(await eventually(() => mode.inputValue(), typedOne), typedOne, 'a typed challenge is the static one');
  await keepPicture(page, 'scep-form');
  t.strictSame(await seriousFindings(page), [], 'the form');
  await press(form.getByRole('button', { name: 'Create Profile' }));
  await press(page.locator('tr.highlighted', { hasText: 'Printers' }).getByRole('link', { name: 'Printers', exact: true }));
  await press(page.getByRole('button', { name: 'Mint a one-time challenge' }));
  await press(page.getByRole('button', { name: 'Mint challenge' }));
  await page.getByRole('dialog', { name: 'One-time challenge', exact: true }).getByText('Valid until').waitFor();
  t.notMatch(await page.getByRole('main').textContent(), 'PrinterSecret1', 'a challenge is never read back');
  t.strictSame(stage.faults, []);
  await stage.close();
});

t.test('Connectors: three cards, columns, fields by type, Test Connection step by step, in use says by what', { skip }, async (t) => {
  const stage = await house.admin();
  const { page } = stage;
  await stage.open('/connectors');
  t.strictSame(await page.locator('[data-card]').evaluateAll((found) => found.map((card) => card.getAttribute('data-card'))), [
    'Total Tenants',
    'Total Connectors',
    'Active Connectors',
  ]);
  const heads = (await page.getByRole('columnheader').allTextContents()).map((text) => text.trim());
  t.strictSame(heads, ['Connector Name', 'Type', 'Associated Tenant', 'Status', 'Created', 'Actions']);
  await press(page.getByRole('button', { name: 'Add Connector' }));
  const form = page.getByRole('dialog', { name: 'Add Connector' });
  await form.waitFor();
  for (const label of ['Connector Type', 'Connector Name', 'Tenant', 'Description', 'Status']) await form.getByLabel(label).first().waitFor();
  const fields = {
    'SMTP Server': ['SMTP Server', 'Port', 'Username', 'Password'],
    EJBCA: ['Connector URL', 'CA Name', 'CA URL', 'PFX File', 'PFX Password', 'End Entity Profile', 'Certificate Profile'],
    'Crypto Engine': ['URL', 'Client ID', 'Client Secret'],
  };
  for (const [type, labels] of Object.entries(fields)) {
    await choose(page, 'Connector Type', type);
    for (const label of labels) {
      await form.getByLabel(label).first().waitFor();
    }
    t.strictSame(await seriousFindings(page), [], type);
    await keepPicture(page, `connector-form-${type.replace(' ', '-').toLowerCase()}`);
  }
  await form.getByLabel('Connector Name').fill('Second engine');
  await form.getByRole('textbox', { name: 'URL', exact: true }).fill('embedded:');
  await press(form.getByRole('button', { name: 'Create Connector' }));
  await page.locator('tr.highlighted', { hasText: 'Second engine' }).waitFor();
  await press(page.getByRole('link', { name: 'Embedded engine', exact: true }));
  await press(page.getByRole('button', { name: 'Test Connection' }));
  await page.getByText('The connection works').waitFor();
  await press(page.getByRole('button', { name: 'Delete' }));
  await press(page.getByRole('dialog').getByRole('button', { name: 'Delete' }));
  const refusal = page.getByRole('dialog').getByRole('alert');
  await refusal.getByText('It is still used by').waitFor();
  await refusal.getByRole('link', { name: 'demo' }).first().waitFor();
  t.strictSame(
    stage.faults.filter((fault) => !/status of 409/.test(fault)),
    [],
  );
  await stage.close();
});

t.test('a certificate is downloaded and revoked; its order tells it', { skip }, async (t) => {
  const stage = await house.admin();
  const { page } = stage;
  await stage.open(`/certificates/${(await firstOf(house.server, '/certificates')).id}`);
  const [download] = await Promise.all([page.waitForEvent('download'), press(page.getByRole('button', { name: 'Download PEM' }))]);
  t.match(download.suggestedFilename(), /^[0-9a-f]+\.pem$/);
  await press(page.getByRole('button', { name: 'Revoke' }));
  await choose(page, 'Reason', 'Key compromise');
  await press(page.getByRole('dialog').getByRole('button', { name: 'Revoke' }));
  await page.getByText('Revoked', { exact: true }).waitFor();
  await press(page.getByRole('link', { name: 'View' }));
  const timeline = page.getByRole('region', { name: 'Timeline' });
  t.match(await eventually(() => timeline.textContent(), /Issued.*Revoked/s), /Issued.*Revoked/s);
  t.strictSame(stage.faults, []);
  await stage.close();
});

t.test('who may only look is offered nothing else; narrow windows have their menu behind a button', { skip }, async (t) => {
  const made = await house.server.api('/api/v1/tokens', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'looker', role: 'viewer' }),
  });
  t.equal(made.status, 201, 'a token of a viewer');
  const { token } = (await made.json()) as { token: string };
  const stage = await house.stage({ width: 768, token });
  const { page } = stage;
  await stage.open('/cmp-server');
  t.equal(await page.getByRole('button', { name: 'Add CMP Profile' }).count(), 0);
  t.equal(await page.getByRole('button', { name: /^(Edit|Delete)/ }).count(), 0);
  t.equal(await page.getByRole('link', { name: 'Connectors' }).count(), 0, 'the menu is folded, for those who hear the page as well');
  await press(page.getByRole('button', { name: 'Open navigation' }));
  await page.getByRole('link', { name: 'Connectors' }).waitFor();
  t.equal(await page.getByRole('link', { name: /Audit|Decoder/ }).count(), 0, 'entries one may not use are hidden');
  await keepPicture(page, 'narrow-viewer');
  t.strictSame(stage.faults, []);
  await stage.close();
});
