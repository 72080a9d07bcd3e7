import type { Page } from 'playwright-core';
import t from 'tap';
import { totpCode, totpStep } from '../../src/tenancy/totp.js';
import { startMailServer } from '../support/mail-server.js';
import { askForApproval, firstOf } from './contents.js';
import { choose, eventually, press, tick, untilAnnounced } from './hands.js';
import { cutShort, keepPicture, seriousFindings } from './looks.js';
import { openHouse, type Stage } from './stage.js';

const house = openHouse();
const { skip } = house;

const post = async <T>(path: string, body: unknown): Promise<T> => {
  const answer = await house.server.api(`/api/v1${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
};

const asAdmin = house.admin;

const bytesOfBase32 = (text: string): Buffer => {
  const bits = [...text.replace(/=+$/, '')].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((octet) => Number.parseInt(octet, 2)));
};

const codeOf = (secret: string, stepsAhead = 0): string => totpCode(bytesOfBase32(secret), totpStep(new Date()) + stepsAhead);

const signIn = async (page: Page, username: string, password: string, code?: string): Promise<void> => {
  await page.getByLabel('User name').fill(username);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await press(page.getByRole('button', { name: 'Sign in' }));
  if (code === undefined) return;
  await page.getByLabel('Code of the second factor').fill(code);
  await press(page.getByRole('button', { name: 'Sign in' }));
};

/** What is shown once: the value beside the label. */
const shownOnce = async (page: Page, title: string, label: string): Promise<string> => {
  const dialog = page.getByRole('dialog', { name: title });
  await dialog.getByText('Shown this once').waitFor();
  const value = await dialog.locator(`div:has(> p:text-is("${label}")) code`).textContent();
  await press(dialog.getByRole('button', { name: 'Close' }));
  await dialog.waitFor({ state: 'detached' });
  return value ?? '';
};

/** Faults but those refusals that a flow asks for. */
const but = (stage: Stage, ...statuses: readonly number[]): string[] =>
  stage.faults.filter((fault) => !statuses.some((status) => fault.includes(`status of ${status}`)));

t.test('Users: created with a password shown once, changed, password reset, disabled, deleted', { skip }, async (t) => {
  const stage = await asAdmin();
  const { page } = stage;
  await stage.open('/users');
  const heads = (await page.getByRole('columnheader').allTextContents()).map((text) => text.trim());
  t.strictSame(heads, ['User name', 'Roles', 'Tenants', 'Second factor', 'Status', 'Last login', 'Actions']);
  await page.keyboard.press('n');
  const form = page.getByRole('dialog', { name: 'Add User' });
  await form.waitFor();
  await press(form.getByRole('button', { name: 'Create User' }));
  await form.getByText('beginning with a letter').waitFor();
  await form.getByText('Choose at least one role').waitFor();
  await form.getByLabel('User name').fill('Mina');
  await form.getByRole('textbox', { name: 'Name', exact: true }).fill('Mina Okafor');
  await form.getByLabel('Mail address').fill('no address');
  await tick(page, 'Roles', 'Operator: decides orders, revokes, tests');
  await press(form.getByRole('switch', { name: 'Every tenant, also those to come' }));
  await press(form.getByRole('button', { name: 'Create User' }));
  await form.getByText('Choose at least one tenant, or every tenant.').waitFor();
  await tick(page, 'Tenants', 'default');
  await keepPicture(page, 'user-form');
  t.strictSame(await seriousFindings(page), [], 'the form');
  await press(form.getByRole('button', { name: 'Create User' }));
  await form.getByText(/Request id/).waitFor();
  const wrong = form.locator('.mantine-InputWrapper-root', { hasText: 'Mail address' }).locator('.mantine-InputWrapper-error');
  t.match(await eventually(() => wrong.textContent(), /email/i), /email/i, 'what the server finds wrong stands beside its field');
  await form.getByLabel('Mail address').fill('mina@example.org');
  await press(form.getByRole('button', { name: 'Create User' }));
  const password = await shownOnce(page, 'Password of the user', 'Password');
  t.match(password, /^\S{24}$/, 'the password that was made is shown once');
  const row = page.locator('tr.highlighted', { hasText: 'mina' });
  await row.waitFor();
  t.match(await row.textContent(), /mina.*operator.*default.*None.*Active.*never/s);
  await press(row.getByRole('link', { name: 'mina', exact: true }));
  await page.getByText('Must choose a new password at the next login').waitFor();
  await page.getByText('Not signed in anywhere.').waitFor();
  await press(page.getByRole('button', { name: 'Edit' }));
  const edit = page.getByRole('dialog', { name: 'Edit user' });
  t.equal(await edit.getByLabel('User name').count(), 0, 'a user name cannot be changed');
  await edit.getByRole('textbox', { name: 'Name', exact: true }).fill('Mina O.');
  await press(edit.getByRole('button', { name: 'Save changes' }));
  await page.getByText('Mina O.').first().waitFor();
  await press(page.getByRole('button', { name: 'Reset password' }));
  await press(page.getByRole('dialog').getByRole('button', { name: 'Reset password' }));
  t.not(await shownOnce(page, 'Password of the user', 'Password'), password, 'another password');
  await press(page.getByRole('button', { name: 'Edit' }));
  await choose(page, 'Status', 'Inactive');
  await press(page.getByRole('dialog').getByRole('button', { name: 'Save changes' }));
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.getByText('Inactive', { exact: true }).waitFor();
  await press(page.getByRole('button', { name: 'Delete' }));
  await press(page.getByRole('dialog').getByRole('button', { name: 'Delete' }));
  await page.waitForURL(/\/users$/);
  await page.getByRole('row', { name: /admin/ }).waitFor();
  await page.getByRole('row', { name: /mina/ }).waitFor({ state: 'detached' });
  t.strictSame(but(stage, 400), []);
  await stage.close();
});

t.test('own account: password and second factor by QR code, backup codes once, sessions ended elsewhere, a lost phone', { skip }, async (t) => {
  const { id, password } = await post<{ id: string; password: string }>('/users', { username: 'noor', roles: ['admin'], tenantIds: null });
  const stage = await house.stage();
  const { page } = stage;
  await stage.open('/login');
  await signIn(page, 'noor', password);
  await page.getByRole('heading', { name: 'Choose a password of your own' }).waitFor();
  await page.getByLabel('Current password').fill(password);
  await page.getByLabel('New password', { exact: true }).fill('too short');
  await page.getByLabel('New password, once more').fill('another');
  await page.getByText('Is not the same.').waitFor();
  t.equal(await page.getByRole('button', { name: 'Change password' }).isDisabled(), true);
  await page.getByLabel('New password, once more').fill('too short');
  await press(page.getByRole('button', { name: 'Change password' }));
  await page.getByText('Must have at least 12 characters', { exact: true }).waitFor();
  t.equal(await page.getByRole('alert').getByText('newPassword').count(), 0, 'a fault is told once, beside its field');
  const own = 'seven slow herons';
  await page.getByLabel('New password', { exact: true }).fill(own);
  await page.getByLabel('New password, once more').fill(own);
  await press(page.getByRole('button', { name: 'Change password' }));
  await press(page.getByRole('button', { name: /^Account/ }));
  await press(page.getByRole('menuitem', { name: 'Your account' }));
  await page.getByRole('heading', { name: 'Your account' }).waitFor();
  await press(page.getByRole('region', { name: 'Second factor' }).getByRole('button', { name: 'Set up' }));
  const panel = page.getByRole('region', { name: 'Second factor' });
  await panel.getByLabel('Password', { exact: true }).fill(own);
  await press(panel.getByRole('button', { name: 'Show the secret' }));
  await panel.getByRole('img', { name: /^QR code/ }).waitFor();
  const secret = (await panel.locator('code').first().textContent()) ?? '';
  t.match(secret, /^[A-Z2-7]{32}$/);
  t.match(await panel.textContent(), `secret=${secret}`);
  await keepPicture(page, 'totp');
  t.strictSame(await seriousFindings(page), [], 'the QR code');
  const confirm = async (code: string): Promise<number> => {
    await panel.getByLabel('Code of the second factor').fill(code);
    const answer = page.waitForResponse((response) => response.request().method() === 'POST' && /totp/.test(response.url()));
    await press(panel.getByRole('button', { name: 'Confirm' }));
    return (await answer).status();
  };
  await confirm(codeOf(secret, 400));
  await panel.getByText('Is not a code of this moment').waitFor();
  // A machine that stood still in between takes the code past its moment.
  let status = 400;
  for (let tries = 0; tries < 3 && status >= 400; tries += 1) status = await confirm(codeOf(secret));
  t.ok(status < 400, 'the code of this moment is taken');
  const codes = ((await panel.getByLabel('Backup codes', { exact: true }).textContent()) ?? '').split('\n');
  t.ok(codes.length >= 8, 'backup codes are shown once');
  await press(panel.getByRole('button', { name: 'Continue' }));
  await panel.getByText('In force. Every login asks for a code of your app.').waitFor();

  const elsewhere = await house.stage({ width: 900 });
  await elsewhere.open('/login?next=/profile');
  await signIn(elsewhere.page, 'noor', own, codes[0]);
  await elsewhere.page.getByRole('heading', { name: 'Your account' }).waitFor();
  await page.reload();
  const rows = page.getByRole('table', { name: 'Sessions' }).locator('tbody tr');
  await rows.nth(1).waitFor();
  t.equal(await page.getByText('This browser', { exact: true }).count(), 1);
  await keepPicture(page, 'sessions');
  await press(page.getByRole('button', { name: /^End session/ }));
  await rows.nth(1).waitFor({ state: 'detached' });
  await elsewhere.page.reload();
  await elsewhere.page.waitForURL(/\/login/);
  await elsewhere.close();

  await press(panel.getByRole('button', { name: 'Remove' }));
  const removal = page.getByRole('dialog', { name: 'Do without a second factor?' });
  await removal.getByLabel('Password', { exact: true }).fill(own);
  await removal.getByLabel('Code of the second factor').fill(codes[1] ?? '');
  await press(removal.getByRole('button', { name: 'Remove' }));
  await panel.getByText('Not set up.').waitFor();
  t.strictSame(but(stage, 400, 401), []);
  await stage.close();
  const { hasTotp, lastLoginAt } = (await (await house.server.api(`/api/v1/users/${id}`)).json()) as { hasTotp: boolean; lastLoginAt: string };
  t.equal(hasTotp, false);
  t.type(lastLoginAt, 'string');
});

t.test('an administrator sees where a user is signed in, ends it, and takes a lost second factor away', { skip }, async (t) => {
  const { id } = await post<{ id: string }>('/users', { username: 'ines', roles: ['viewer'], tenantIds: null, password: 'five small boats' });
  const user = await house.stage();
  await user.open('/login');
  await signIn(user.page, 'ines', 'five small boats');
  await user.page.getByLabel('Current password').fill('five small boats');
  for (const label of ['New password', 'New password, once more']) await user.page.getByLabel(label, { exact: true }).fill('nine small boats');
  await press(user.page.getByRole('button', { name: 'Change password' }));
  await user.page.getByRole('heading', { name: 'Dashboard' }).waitFor();
  const stage = await asAdmin();
  const { page } = stage;
  await stage.open(`/users/${id}`);
  await keepPicture(page, 'user-detail');
  await press(page.getByRole('button', { name: 'Sign out everywhere' }));
  await press(page.getByRole('dialog').getByRole('button', { name: 'Sign out everywhere' }));
  await page.getByText('Not signed in anywhere.').waitFor();
  await user.page.goto(`${house.server.adminUrl}/orders`);
  await user.page.waitForURL(/\/login/);
  t.strictSame(stage.faults, []);
  await stage.close();
  await user.close();
});

t.test('API tokens: created with scopes and expiry, shown once, used, revoked', { skip }, async (t) => {
  const stage = await asAdmin();
  const { page } = stage;
  await stage.open('/users?tab=tokens');
  const heads = (await page.getByRole('columnheader').allTextContents()).map((text) => text.trim());
  t.strictSame(heads, ['Name', 'Role', 'Tenant', 'Permissions', 'Expires', 'Last used', 'Created', 'Actions']);
  await press(page.getByRole('button', { name: 'Add Token' }));
  const form = page.getByRole('dialog', { name: 'Add Token' });
  await form.getByRole('textbox', { name: 'Name', exact: true }).fill('exporter');
  await choose(page, 'Role', 'Auditor: looks, and reads the audit');
  await tick(page, 'Only these permissions', 'audit:read');
  await tick(page, 'Only these permissions', 'order:read');
  await choose(page, 'Expires after', '7 days');
  await keepPicture(page, 'token-form');
  t.strictSame(await seriousFindings(page), [], 'the form');
  await press(form.getByRole('button', { name: 'Create Token' }));
  const token = await shownOnce(page, 'API token', 'Token');
  t.match(token, /^gh_\S{29,}$/);
  const row = page.getByRole('row', { name: /exporter/ });
  await page.locator('tr.highlighted', { hasText: 'exporter' }).waitFor();
  t.match(await row.textContent(), /auditor.*All.*2 of its role.*in \d+ days.*never/s);
  const ask = (path: string): Promise<Response> => fetch(`${house.server.adminUrl}/api/v1${path}`, { headers: { authorization: `Bearer ${token}` } });
  t.equal((await ask('/orders')).status, 200);
  t.equal((await ask('/certificates')).status, 403, 'its role may, it may not');
  await press(page.getByRole('button', { name: 'Revoke: exporter' }));
  await press(page.getByRole('dialog').getByRole('button', { name: 'Revoke' }));
  await row.waitFor({ state: 'detached' });
  t.equal((await ask('/orders')).status, 401);
  t.notMatch(await page.content(), token, 'nothing of it is left in the page');
  t.strictSame(stage.faults, []);
  await stage.close();
});

t.test('Notifications: a rule is made, a test mail goes out, mails are listed, the rule is deleted', { skip }, async (t) => {
  const mailServer = await startMailServer();
  t.teardown(() => mailServer.stop());
  const config = { server: '127.0.0.1', port: mailServer.port, from: 'gatehouse@example.org', tls: 'none' };
  await post('/connectors', { type: 'smtp', name: 'Post office', config });
  const stage = await asAdmin();
  const { page } = stage;
  await stage.open('/notifications');
  await page.getByText('Nobody is told of anything yet').waitFor();
  await page.keyboard.press('n');
  const form = page.getByRole('dialog', { name: 'Add Rule' });
  await press(form.getByRole('button', { name: 'Create Rule' }));
  for (const text of ['Name at least one recipient.', 'Choose at least one kind of event.']) await form.getByText(text).waitFor();
  await form.getByRole('textbox', { name: 'Name', exact: true }).fill('Night shift');
  await choose(page, 'SMTP connector', 'Post office');
  await form.getByLabel('Recipients').fill('no-address');
  await page.keyboard.press('Enter');
  await form.getByText('no-address is no mail address.').waitFor();
  await page.keyboard.press('Backspace');
  await form.getByLabel('Recipients').fill('ops@example.org');
  await page.keyboard.press('Enter');
  await tick(page, 'Tells of', 'Order stuck');
  t.equal(await form.getByLabel('Weekly digest on').count(), 0, 'only what the events need is asked for');
  await tick(page, 'Tells of', 'Weekly digest');
  await form.getByLabel('Weekly digest on').first().waitFor();
  await keepPicture(page, 'rule-form');
  t.strictSame(await seriousFindings(page), [], 'the form');
  await press(form.getByRole('button', { name: 'Create Rule' }));
  const row = page.locator('tr.highlighted', { hasText: 'Night shift' });
  t.match(await row.textContent(), /Order stuck \+ 1 more.*ops@example.org.*Active/s);
  await press(row.getByRole('link', { name: 'Night shift', exact: true }));
  await press(page.getByRole('button', { name: 'Send test mail' }));
  await page.getByText('The mail server took the mail').waitFor();
  await mailServer.took(1);
  t.strictSame(
    (await mailServer.received()).flatMap(({ to }) => to),
    ['ops@example.org'],
  );
  await keepPicture(page, 'rule');
  t.strictSame(await seriousFindings(page), [], 'the rule');
  await press(page.getByRole('tab', { name: 'Mails' }));
  await page.getByText('No mail yet').waitFor();
  await press(page.getByRole('button', { name: 'Delete' }));
  await press(page.getByRole('dialog').getByRole('button', { name: 'Delete' }));
  await page.waitForURL(/\/notifications$/);
  await page.getByText('Nobody is told of anything yet').waitFor();
  t.strictSame(stage.faults, []);
  await stage.close();
});

t.test('Mails: one that was given up says why, and is sent again', { skip }, async (t) => {
  const mailServer = await startMailServer();
  t.teardown(() => mailServer.stop());
  const config = { server: '127.0.0.1', port: mailServer.port, from: 'gatehouse@example.org', tls: 'none' };
  const { id: connectorId } = await post<{ id: string }>('/connectors', { type: 'smtp', name: 'Fussy post office', config });
  const { tenantId } = (await (await house.server.api(`/api/v1/connectors/${connectorId}`)).json()) as { tenantId: string };
  const told = { recipients: ['refused@example.org'], events: ['approval-needed'], tenantId, connectorId };
  await post('/notification-rules', { name: 'To nobody', ...told });
  await askForApproval(house.server, 'Tells nobody', ['/CN=unheard']);
  const stage = await asAdmin();
  const { page } = stage;
  await stage.open('/notifications/mails');
  const row = page.getByRole('row', { name: /refused@example\.org/ });
  await row.getByText('Given up').waitFor();
  t.match(await row.textContent(), /refused@example\.org.*To nobody.*Given up.*1/s);
  await press(row.getByRole('button').first());
  const mail = page.getByRole('dialog');
  await mail.getByText(/no such mailbox/).waitFor();
  t.match(await mail.textContent(), /refused@example\.org.*To nobody.*Given up.*unheard/s, 'and what it says');
  t.strictSame(await seriousFindings(page), [], 'the mail');
  await keepPicture(page, 'mail-given-up');
  mailServer.command('down');
  await press(mail.getByRole('button', { name: 'Send again' }));
  await untilAnnounced(page, 'The mail is sent again now.');
  await mail.getByText('Waiting', { exact: true }).waitFor();
  await mail.getByRole('button', { name: 'Send again' }).waitFor({ state: 'detached' });
  await mail.getByText(/closed for today/).waitFor();
  await press(mail.getByRole('button', { name: 'Close' }));
  await row.getByText('Waiting').waitFor();
  t.strictSame(stage.faults, []);
  await stage.close();
});

for (const [protocol, place] of [
  ['cmp', 'cmp-server'],
  ['scep', 'scep-server'],
] as const) {
  t.test(`${protocol}: a test enrolment shows its steps and leads to its order; what the policy refuses is told in words`, { skip }, async (t) => {
    const { id } = await firstOf(house.server, `/${protocol}-profiles?q=demo`);
    const stage = await asAdmin();
    const { page } = stage;
    await stage.open(`/${place}/${id}?tab=test`);
    await press(page.getByRole('button', { name: 'Test enrolment' }));
    await page.getByText('The device has its certificate').waitFor();
    t.match(await page.getByRole('main').textContent(), protocol === 'cmp' ? /credential.*ir.*order/s : /credential.*PKCSReq.*order/s);
    await keepPicture(page, `${protocol}-test-enrolment`);
    t.strictSame(await seriousFindings(page), []);
    await page.getByLabel('Subject', { exact: true }).fill('no name at all');
    await press(page.getByRole('button', { name: 'Test enrolment' }));
    await page
      .getByRole('alert')
      .getByText(/Request id/)
      .waitFor();
    await page.getByLabel('Subject', { exact: true }).fill('CN=floor-7.example.org');
    await press(page.getByRole('button', { name: 'Test enrolment' }));
    await page.getByText('The device has its certificate').waitFor();
    await press(page.getByRole('link', { name: 'To the order' }));
    await page.waitForURL(/\/orders\//);
    await page.getByRole('heading', { name: /floor-7/ }).waitFor();
    t.strictSame(but(stage, 400), []);
    await stage.close();
  });
}

t.test('First steps: a new tenant, the embedded engine, a profile, and the order of its first device arrives by itself', { skip }, async (t) => {
  const stage = await asAdmin();
  const { page } = stage;
  await stage.open('/setup');
  await keepPicture(page, 'setup-tenant');
  await page.getByLabel('Or a new one').fill('Harbour');
  await press(page.getByRole('button', { name: 'Continue' }));
  await press(page.getByRole('button', { name: 'Use the embedded engine' }));
  await page.getByRole('button', { name: 'Use the embedded engine' }).waitFor({ state: 'detached' });
  t.match(await eventually(() => page.getByRole('combobox', { name: 'Connector' }).inputValue(), /Embedded engine/), 'Embedded engine');
  await keepPicture(page, 'setup-connector');
  t.strictSame(await seriousFindings(page), [], 'the CA');
  await press(page.getByRole('button', { name: 'Continue' }));
  await page.getByLabel('Name').fill('Harbour cranes');
  await page.getByText('/cmp/harbour-cranes').waitFor();
  await press(page.getByRole('button', { name: 'Create profile' }));
  t.ok((await shownOnce(page, 'Credentials of the devices', 'Shared secret')).length >= 22, 'the secret is shown before anything else');
  await page.getByText('No order yet').waitFor();
  await press(page.getByRole('button', { name: 'Test enrolment' }));
  await page.getByText('The device has its certificate').waitFor();
  await page.getByRole('row', { name: /gatehouse-test-/ }).waitFor();
  await keepPicture(page, 'setup-device');
  t.strictSame(await seriousFindings(page), [], 'the first device');
  t.strictSame(await cutShort(page), []);
  t.strictSame(stage.faults, []);
  await stage.close();
});

t.test('a session that is over: nothing typed is taken away, the login leads back; idle time ends a session too', { skip }, async (t) => {
  const { id } = await post<{ id: string }>('/users', { username: 'tove', roles: ['superadmin'], tenantIds: null, password: 'four green doors' });
  const stage = await house.stage();
  const { page } = stage;
  await stage.open('/login?next=/tenants');
  await signIn(page, 'tove', 'four green doors');
  await page.getByLabel('Current password').fill('four green doors');
  for (const label of ['New password', 'New password, once more']) await page.getByLabel(label, { exact: true }).fill('four brown doors');
  await press(page.getByRole('button', { name: 'Change password' }));
  await page.getByRole('heading', { name: 'Tenants' }).waitFor();
  await press(page.getByRole('button', { name: 'Add Tenant' }));
  const form = page.getByRole('dialog', { name: 'Add Tenant' });
  await form.getByRole('textbox', { name: 'Name', exact: true }).fill('Long text');
  await house.server.api(`/api/v1/users/${id}/sessions`, { method: 'DELETE' });
  await press(form.getByRole('button', { name: 'Create Tenant' }));
  const over = page.getByRole('dialog', { name: 'Your session has ended' });
  await press(over.getByRole('button', { name: 'Stay here' }));
  t.equal(await form.getByRole('textbox', { name: 'Name', exact: true }).inputValue(), 'Long text');
  await form.getByText(/Request id/).waitFor();
  await page.goto(`${house.server.adminUrl}/tenants`);
  await page.waitForURL(/\/login\?next=/);
  await signIn(page, 'tove', 'four brown doors');
  await page.getByRole('heading', { name: 'Tenants' }).waitFor();
  await page.clock.install();
  await page.reload();
  await page.getByRole('heading', { name: 'Tenants' }).waitFor();
  await page.clock.fastForward('40:00');
  await page.getByText('You were signed out, since nothing was done for a while.').waitFor();
  t.match(page.url(), /next=%2Ftenants/);
  await keepPicture(page, 'idle');
  const sessions = async () => ((await (await house.server.api(`/api/v1/users/${id}/sessions`)).json()) as { items: readonly unknown[] }).items.length;
  t.equal(await eventually(sessions, 0), 0, 'the server knows of no session any more');
  t.strictSame(but(stage, 401), []);
  await stage.close();
});

t.test('Settings: dangerous settings, who may do what, and where the audit trail is copied to', { skip }, async (t) => {
  const connector = await firstOf(house.server, '/connectors');
  await post('/scep-profiles', { name: 'Open door', endpointPath: 'open-door', connectorId: connector?.id, challengeMode: 'none' });
  const sink = { name: 'Archive', type: 'syslog', status: 'inactive', settings: { host: 'syslog.example.com', port: 6514 } };
  await post('/audit-sinks', sink);
  const read = async <T>(path: string) => (await (await house.server.api(`/api/v1/reports/${path}`)).json()) as { readonly items: readonly T[] };
  const stage = await asAdmin();
  const { page } = stage;
  await stage.open('/settings');
  const switches = page.getByRole('table', { name: 'Dangerous settings in force' });
  await switches.getByRole('link', { name: 'Open door' }).waitFor();
  const dangers = await read<{ readonly setting: string; readonly danger: string }>('switches');
  t.equal(await switches.locator('tbody tr').count(), dangers.items.length);
  const shown = await switches.textContent();
  for (const { setting, danger } of dangers.items) t.ok(shown?.includes(setting) && shown.includes(danger), setting);
  await keepPicture(page, 'settings');
  await press(page.getByRole('tab', { name: 'Access review' }));
  const access = page.getByRole('table', { name: 'Who may do what' });
  await access.getByText('Every tenant').first().waitFor();
  const holders = await read<{ readonly name: string }>('access');
  t.ok((await access.locator('tbody tr').count()) >= holders.items.length);
  await keepPicture(page, 'access-review');
  t.strictSame(await seriousFindings(page), [], 'access review');
  await press(page.getByRole('tab', { name: 'Audit copies' }));
  const copies = page.getByRole('table', { name: 'Where audit events are copied to' });
  await copies.getByText('syslog.example.com:6514').waitFor();
  t.match(await copies.textContent(), /Archive.*Syslog over TLS.*All tenants.*Inactive.*Nothing yet/s);
  await press(page.getByRole('button', { name: 'Add Audit Copy' }));
  const form = page.getByRole('dialog', { name: 'Add Audit Copy' });
  await form.getByRole('textbox', { name: 'Name', exact: true }).fill('Second archive');
  await choose(page, 'Kind', 'Signed webhook');
  await choose(page, 'Status', 'Inactive');
  await form.getByRole('textbox', { name: 'URL' }).fill('https://archive.example/events');
  await form.getByLabel('Secret').last().fill('too short');
  await press(form.getByRole('button', { name: 'Create Audit Copy' }));
  await form.getByText('Must have at least 16 characters').waitFor();
  const secret = 'long enough to sign with';
  await form.getByLabel('Secret').last().fill(secret);
  t.strictSame(await seriousFindings(page), [], 'the form of an audit copy');
  await keepPicture(page, 'audit-copy-form');
  await press(form.getByRole('button', { name: 'Create Audit Copy' }));
  await untilAnnounced(page, 'Audit copy Second archive was created.');
  await copies.getByText('https://archive.example/events').waitFor();
  t.notMatch(await page.content(), secret, 'its secret is not in the page');
  const sinkNamed = async (name: string): Promise<unknown> =>
    ((await (await house.server.api('/api/v1/audit-sinks')).json()) as { items: readonly { name: string }[] }).items.find((item) => item.name === name);
  t.match(await sinkNamed('Second archive'), { type: 'webhook', tenantId: null, status: 'inactive', secret: { set: true }, version: 1 });
  await press(copies.getByRole('button', { name: 'Edit: Second archive' }));
  const edit = page.getByRole('dialog', { name: 'Edit audit copy' });
  t.equal(await edit.getByLabel('Kind').count(), 0, 'its kind cannot be changed');
  await edit.getByRole('textbox', { name: 'URL' }).fill('https://elsewhere.example/events');
  await press(edit.getByRole('button', { name: 'Save changes' }));
  await edit.getByText('Required: the URL changes').waitFor();
  await edit.getByRole('textbox', { name: 'URL' }).fill('https://archive.example/events');
  await edit.getByRole('textbox', { name: 'Name', exact: true }).fill('Third archive');
  await press(edit.getByRole('button', { name: 'Save changes' }));
  await untilAnnounced(page, 'Audit copy Third archive was saved.');
  t.match(await sinkNamed('Third archive'), { secret: { set: true }, settings: { url: 'https://archive.example/events' } });
  await press(copies.getByRole('button', { name: 'Delete: Third archive' }));
  await press(page.getByRole('dialog').getByRole('button', { name: 'Delete' }));
  await copies.getByText('https://archive.example/events').waitFor({ state: 'detached' });
  t.equal(await sinkNamed('Third archive'), undefined);
  await keepPicture(page, 'audit-copies');
  t.strictSame(await seriousFindings(page), [], 'audit copies');
  t.strictSame(await cutShort(page), []);
  t.strictSame(but(stage, 400), []);
  await stage.close();
});

const tenancies = { minter: 'every', viewer: 'one', auditor: 'every', operator: 'one', admin: 'one', superadmin: 'every' } as const;

for (const [role, tenancy] of Object.entries(tenancies)) {
  t.test(`${role} of ${tenancy} tenant: every page that the menu leads to loads, and nothing on it is refused`, { skip }, async (t) => {
    const tenant = ((await (await house.server.api('/api/v1/tenants')).json()) as { items: readonly { id: string }[] }).items[0]?.id;
    const { token } = await post<{ token: string }>('/tokens', { name: role, role, tenantId: tenancy === 'one' ? tenant : null });
    const stage = await house.stage({ token });
    const { page } = stage;
    const refused: string[] = [];
    page.on('response', (response) => response.status() >= 400 && refused.push(`${page.url()}: ${response.status()} ${response.url()}`));
    await stage.open('/');
    const links = await page.locator('nav a').evaluateAll((found) => found.map((link) => link.getAttribute('href') ?? ''));
    t.equal(links.includes('/users'), ['admin', 'superadmin'].includes(role), 'users');
    t.equal(links.includes('/audit'), ['auditor', 'operator', 'admin', 'superadmin'].includes(role), 'audit');
    t.equal(links.length === 0, role === 'minter', `${links.length} entries`);
    for (const link of [...links, '/profile']) {
      await stage.visit(link);
      for (const tab of await page.getByRole('tab').all()) {
        await press(tab);
        t.equal(await eventually(() => tab.getAttribute('aria-selected'), 'true'), 'true', link);
        await page.waitForFunction(() => document.querySelector('[aria-busy="true"], .mantine-Skeleton-root') === null);
      }
    }
    t.strictSame(refused, []);
    t.strictSame(stage.faults, []);
    await stage.close();
  });
}
