import t from 'tap';
import { type SettingField, settingsOf, textsOf } from '../../src/console/components/settings.js';

const fields: readonly SettingField[] = [
  { name: 'url', kind: 'text' },
  { name: 'port', kind: 'number' },
  { name: 'parts', kind: 'list' },
  { name: 'prefix', kind: 'text', isVerbatim: true },
  { name: 'password', kind: 'secret' },
];
const saved = { url: ' https://ca.example ', port: 8443, parts: ['CN', 'UID'], prefix: 'gate ', password: { set: true, updatedAt: null }, other: 1 };

t.test('a form that was only looked at changes nothing', async (t) => {
  const texts = textsOf(fields, saved);
  t.same(texts, { url: ' https://ca.example ', port: '8443', parts: 'CN, UID', prefix: 'gate ' });
  t.same(settingsOf(fields, texts, texts), {});
  t.same(settingsOf(fields, { ...texts, parts: 'CN,UID' }, texts), {}, 'the same list, typed otherwise');
});

t.test('what was typed is sent as its kind; what was cleared is null, and a secret left empty is kept', async (t) => {
  const before = textsOf(fields, saved);
  t.same(settingsOf(fields, { ...before, url: ' https://b.example ', port: '443', prefix: 'x ', password: ' p ' }, before), {
    url: 'https://b.example',
    port: 443,
    prefix: 'x ',
    password: ' p ',
  });
  t.same(settingsOf(fields, { url: '', port: '', parts: ' , ', prefix: '' }, before), { url: null, port: null, parts: null, prefix: null });
  t.same(settingsOf(fields, { port: 'many' }, {}), { port: 'many' }, 'the server says what is wrong with it');
});

t.test('a list is typed with commas, semicolons or spaces between', async (t) => {
  for (const typed of ['CN,UID', 'CN;UID', 'CN UID', ' CN ,; UID, ']) t.same(settingsOf(fields, { parts: typed }, undefined), { parts: ['CN', 'UID'] }, typed);
  t.same(settingsOf(fields, { parts: ',' }, undefined), {}, 'nothing but commas is nothing');
});
