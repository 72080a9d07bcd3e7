import { existsSync } from 'node:fs';
import t from 'tap';
import { needs } from '../support/clients.js';
import { type CmpStand, openCmpStand, type StandProfile } from '../support/cmp-stand.js';
import type { Ran } from '../support/run.js';

t.setTimeout(600_000);

const everything = (registrationAuthority: string) => ({
  keys: { postQuantum: true },
  certificate: { keyUsage: ['digitalSignature', 'keyEncipherment', 'keyAgreement'] },
  cmp: {
    signatures: ['rsa', 'rsa-pss', 'ecdsa', 'ed25519', 'ml-dsa'],
    kemBasedMac: true,
    severalRequests: true,
    centralKeys: { serve: true, withoutTls: true, keyTypes: ['P-256', 'RSA-2048'] },
    possession: { encryptedCertificate: true, challengeResponse: true, agreeMac: false },
    registrationAuthorities: [{ certificate: registrationAuthority, rights: ['nest', 'enrol', 'raVerified', 'revoke'] }],
  },
});

/** The messages that `--verbose` tells of. */
function messagesOf(ran: Ran): string {
  return [...ran.stdout.matchAll(/^(?:sending|received) (\w+)$/gm)].map((match) => match[1]).join(' ');
}

/** `gatehouse enrol cmp` and its sisters, each operation against a running server. */
t.test('our own client performs every operation the server offers', needs('openssl'), async (t) => {
  const stand = await openCmpStand({ GATEHOUSE_PROCESSES: '1' });
  const { bench, demo } = stand;
  t.teardown(() => stand.close());
  const ca = stand.server.firstRun.ca.file;
  const full = await stand.profile('Everything', everything(await stand.registrationAuthority()));
  const bySecret = ({ url, reference, secret }: StandProfile) => ['--url', url, '--reference', reference, '--secret', secret];
  const byKey = ({ url }: StandProfile, name: string) => ['--url', url, '--cert', `${name}.pem`, '--cert-key', `${name}.key`, '--trusted', ca];
  const ra = ['--forward-cert', 'ra.pem', '--forward-key', 'ra.key', '--trusted', ca];
  const enrol = async (out: string, ...args: readonly string[]) => stand.gatehouse('enrol', 'cmp', '--verbose', '--out', out, ...args);
  const verifies = async (...files: readonly string[]) => {
    for (const file of files) t.equal((await bench.openssl('verify', '-CAfile', ca, file)).code, 0, `${file} verifies`);
  };
  const fits = async (name: string) => {
    const certified = await bench.openssl('x509', '-in', `${name}.pem`, '-noout', '-pubkey');
    t.equal((await bench.openssl('pkey', '-in', `${name}.key`, '-pubout')).stdout, certified.stdout, `${name}.key is the key of ${name}.pem`);
  };

  await t.test('ir under PBMAC1, with names and a validity; certConf and pkiconf (CMP-067 CMP-122)', async (t) => {
    const ran = await enrol('mac', ...bySecret(demo), '--mac', 'pbmac1', '--subject', 'CN=client-mac', '--san', 'mac.example', '--days', '10');
    t.equal(ran.code, 0, ran.output);
    t.equal(messagesOf(ran), 'ir ip certConf pkiconf');
    t.match(
      (await bench.openssl('x509', '-in', 'mac.pem', '-noout', '-ext', 'subjectAltName', '-checkend', '1000000')).stdout,
      /DNS:mac\.example[\s\S]*will expire/,
    );
    const weak = await enrol('weak', ...bySecret(demo), '--mac', 'pbmac1', '--iterations', '999', '--subject', 'CN=x');
    t.match(weak.stderr, /badAlg/);
  });

  await t.test('cr, kur and p10cr by certificate; implicit confirmation (CMP-047)', async (t) => {
    const cr = await enrol('cr', ...byKey(demo, 'mac'), '--type', 'cr', '--subject', 'CN=client-cr', '--implicit-confirm');
    t.equal(cr.code, 0, cr.output);
    t.equal(messagesOf(cr), 'cr cp');
    const kur = await enrol('kur', ...byKey(demo, 'mac'), '--key-type', 'P-521');
    t.equal(messagesOf(kur), 'kur kup certConf pkiconf', kur.output);
    const p10cr = await enrol('p10', ...bySecret(demo), '--type', 'p10cr', '--key-type', 'RSA-2048', '--subject', 'CN=client-p10');
    t.equal(messagesOf(p10cr), 'p10cr cp certConf pkiconf', p10cr.output);
    await verifies('cr.pem', 'kur.pem', 'p10.pem');
  });

  await t.test('a certificate that the device rejects is revoked, and nothing is kept of it (CMP-127)', async (t) => {
    const ran = await enrol('rejected', ...bySecret(demo), '--subject', 'CN=client-rejected', '--confirm', 'reject');
    t.equal(ran.code, 0, ran.output);
    t.equal(messagesOf(ran), 'ir ip certConf pkiconf');
    t.notOk(existsSync(bench.file('rejected.pem')));
    let status = await stand.statusOf('client-rejected');
    for (let tries = 0; tries < 40 && status !== 'revoked'; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 250));
      status = await stand.statusOf('client-rejected');
    }
    t.equal(status, 'revoked');
  });

  await t.test('a request that waits for an administrator is polled for (CMP-147 CMP-150)', async (t) => {
    const manual = await stand.profile('By hand', { approval: { mode: 'manual' } });
    const waiting = enrol('polled', ...bySecret(manual), '--subject', 'CN=client-polled', '--wait', '60');
    await approve(stand, 'client-polled');
    const ran = await waiting;
    t.equal(ran.code, 0, ran.output);
    t.match(messagesOf(ran), /^ir ip pollReq (pollRep pollReq )*ip certConf pkiconf$/);
    await verifies('polled.pem');
    const late = await enrol('late', ...bySecret(manual), '--subject', 'CN=client-late', '--wait', '1');
    t.equal(late.code, 75, 'still pending when the time is up');
  });

  await t.test('an RA adds its protection to every message (CMP-177 CMP-178)', async (t) => {
    const ran = await enrol('forwarded', ...bySecret(full), ...ra, '--subject', 'CN=client-forwarded');
    t.equal(ran.code, 0, ran.output);
    t.equal(messagesOf(ran), 'ir nested ip certConf nested pkiconf');
    const stranger = await enrol('stranger', ...bySecret(demo), ...ra, '--subject', 'CN=x');
    t.match(stranger.stderr, /notAuthorized/, 'an RA that the profile does not know');
  });

  await t.test('an RA sends the messages of several devices as a batch (CMP-181)', async (t) => {
    const names = ['--subject', 'CN=client-batch-{n}', '--batch', '3'];
    const ran = await enrol('batch-{n}', ...bySecret({ ...full, url: `${full.url}/nested` }), ...ra, ...names);
    t.equal(ran.code, 0, ran.output);
    t.equal((messagesOf(ran).match(/nested/g) ?? []).length, 4, 'two for the requests, two for the confirmations');
    await verifies('batch-1.pem', 'batch-2.pem', 'batch-3.pem');
    const alone = await enrol('alone-{n}', ...bySecret(full), ...names);
    t.equal(alone.code, 64);
  });

  await t.test('an RA vouches for possession, and revokes for others (CMP-108 CMP-141)', async (t) => {
    const asRa = ['--url', full.url, '--cert', 'ra.pem', '--cert-key', 'ra.key', '--trusted', ca];
    const vouched = await enrol('vouched', ...asRa, '--type', 'ir', '--subject', 'CN=client-vouched', '--possession', 'raVerified');
    t.equal(vouched.code, 0, vouched.output);
    const device = await enrol('liar', ...bySecret(full), '--subject', 'CN=x', '--possession', 'raVerified');
    t.match(device.stderr, /notAuthorized/);
    const revoked = await stand.gatehouse('cmp', 'rr', ...asRa, '--revoke', 'vouched.pem', '--reason', 'superseded');
    t.equal(revoked.code, 0, revoked.output);
    t.equal(await stand.statusOf('client-vouched'), 'revoked');
    const none = await enrol('none', ...bySecret(full), '--subject', 'CN=x', '--possession', 'none');
    t.match(none.stderr, /badPOP/, 'CMP-104 without any proof');
  });

  await t.test('several certificates in one message (CMP-087)', async (t) => {
    const ran = await enrol('several-{n}', ...bySecret(full), '--subject', 'CN=client-several-{n}', '--several', '3');
    t.equal(ran.code, 0, ran.output);
    t.equal(messagesOf(ran), 'ir ip certConf pkiconf');
    await verifies('several-1.pem', 'several-2.pem', 'several-3.pem');
  });

  await t.test('a certificate encrypted to its key: RSA, EC and ML-KEM (CMP-110 CMP-197)', async (t) => {
    for (const type of ['RSA-2048', 'P-384', 'ML-KEM-768']) {
      const name = `encrypted-${type}`.toLowerCase();
      const ran = await enrol(name, ...bySecret(full), '--subject', `CN=client-${name}`, '--key-type', type, '--possession', 'encrCert');
      t.equal(ran.code, 0, ran.output);
      t.equal(messagesOf(ran), 'ir ip certConf pkiconf');
    }
    await fits('encrypted-rsa-2048');
    for (const type of ['RSA-2048', 'P-256', 'ML-KEM-768']) {
      const name = `challenged-${type}`.toLowerCase();
      const ran = await enrol(name, ...bySecret(full), '--subject', `CN=client-${name}`, '--key-type', type, '--possession', 'challengeResp');
      t.equal(messagesOf(ran), 'ir popdecc popdecr ip certConf pkiconf', ran.output);
    }
    const signs = await enrol('odd', ...bySecret(full), '--subject', 'CN=x', '--key-type', 'ML-KEM-768');
    t.equal(signs.code, 64, 'a key that cannot sign does not prove itself by a signature');
  });

  await t.test('a device whose only key decapsulates renews its certificate by KemBasedMac (CMP-081)', async (t) => {
    const renew = ['--key-type', 'ML-KEM-1024', '--possession', 'encrCert'];
    const ran = await enrol('kem-next', ...byKey(full, 'encrypted-ml-kem-768'), ...renew);
    t.equal(ran.code, 0, ran.output);
    t.equal(messagesOf(ran), 'genm genp kur kup certConf pkiconf');
    const asked = await stand.gatehouse('cmp', 'genm', ...byKey(full, 'kem-next'), '--infotype', 'caCerts');
    t.equal(asked.code, 0, asked.output);
    const off = await enrol('kem-off', ...byKey(demo, 'kem-next'), ...renew);
    t.not(off.code, 0, 'where the profile does not serve it');
  });

  await t.test('ML-DSA keys are certified, and sign what follows (CMP-076)', async (t) => {
    const first = await enrol('dsa', ...bySecret(full), '--subject', 'CN=client-dsa', '--key-type', 'ML-DSA-65');
    t.equal(first.code, 0, first.output);
    const kur = await enrol('dsa-next', ...byKey(full, 'dsa'), '--key-type', 'ML-DSA-44');
    t.equal(messagesOf(kur), 'kur kup certConf pkiconf', kur.output);
  });

  await t.test('keys made by the server: under the secret, by key agreement and by key transport (CMP-191 CMP-194 CMP-195 CMP-196)', async (t) => {
    const bySecretMade = await enrol('made', ...bySecret(full), '--subject', 'CN=client-made', '--central-key');
    t.equal(bySecretMade.code, 0, bySecretMade.output);
    t.equal(messagesOf(bySecretMade), 'ir ip certConf pkiconf');
    const agreed = await enrol('made-ec', ...byKey(full, 'made'), '--type', 'cr', '--subject', 'CN=client-made-ec', '--central-key', 'RSA');
    t.equal(agreed.code, 0, agreed.output);
    const transported = await enrol('made-rsa', ...byKey(full, 'made-ec'), '--type', 'cr', '--subject', 'CN=client-made-rsa', '--central-key', 'P-256');
    t.equal(transported.code, 0, transported.output);
    for (const name of ['made', 'made-ec', 'made-rsa']) await fits(name);
    await verifies('made.pem', 'made-ec.pem', 'made-rsa.pem');
    const off = await enrol('made-off', ...bySecret(demo), '--subject', 'CN=x', '--central-key');
    t.match(off.stderr, /badCertTemplate/);
  });

  await t.test('another CA has its key certified by ccr (CMP-085)', async (t) => {
    await bench.key('other-ca.key');
    await bench.openssl('req', '-x509', '-new', '-key', 'other-ca.key', '-subj', '/CN=Other CA', '-days', '30', '-out', 'other-ca.pem');
    await bench.key('speaker.key');
    await bench.csr('speaker.csr', 'speaker.key', '/CN=Speaker of the other CA');
    bench.write('speaker.ext', 'keyUsage=digitalSignature\nextendedKeyUsage=1.3.6.1.5.5.7.3.27\nsubjectKeyIdentifier=hash\n');
    const signing = ['-CA', 'other-ca.pem', '-CAkey', 'other-ca.key', '-CAcreateserial', '-days', '30', '-extfile', 'speaker.ext'];
    t.equal((await bench.openssl('x509', '-req', '-in', 'speaker.csr', ...signing, '-out', 'speaker.pem')).code, 0);
    const cross = await stand.profile('Cross', { cmp: { crossCertification: { authorities: [bench.read('other-ca.pem')] } } });
    bench.write('cross-wish.key', bench.read('other-ca.key'));
    const ran = await enrol('cross', ...byKey(cross, 'speaker'), '--type', 'ccr', '--subject', 'CN=Other CA', '--key', 'cross-wish.key');
    t.equal(ran.code, 0, ran.output);
    t.equal(messagesOf(ran), 'ccr ccp');
    t.equal((await bench.openssl('verify', '-CAfile', ca, '-untrusted', 'cross.pem', 'speaker.pem')).code, 0, 'its certificates now chain to our root');
  });

  /** The encryption certificate of a new profile, once the CA has issued it. */
  const encryptionCertificate = async (profile: StandProfile, file: string) => {
    const asked = ['--infotype', 'caProtEncCert', '--out', file];
    for (let tries = 0; tries < 80 && !existsSync(bench.file(file)); tries += 1) {
      await stand.gatehouse('cmp', 'genm', ...bySecret(profile), ...asked);
      if (!existsSync(bench.file(file))) await new Promise((resolve) => setTimeout(resolve, 500));
    }
  };

  await t.test('a device whose only key agrees: certified by agreeMAC, renewed, answered and revoked under DHBasedMac (CMP-080 CMP-110)', async (t) => {
    const agreeing = await stand.profile('Agreeing', {
      certificate: { keyUsage: ['digitalSignature', 'keyAgreement'] },
      cmp: { dhBasedMac: true, possession: { agreeMac: true } },
    });
    await encryptionCertificate(agreeing, 'ra-enc.pem');
    t.match((await bench.openssl('x509', '-in', 'ra-enc.pem', '-noout', '-ext', 'keyUsage')).stdout, /Key Agreement/);
    t.equal((await bench.openssl('verify', '-CAfile', ca, 'ra-enc.pem')).code, 0);
    const proof = ['--possession', 'agreeMAC', '--encryption-cert', 'ra-enc.pem'];
    const ir = await enrol('kari', ...bySecret(agreeing), '--subject', 'CN=client-kari', ...proof);
    t.equal(ir.code, 0, ir.output);
    t.equal(messagesOf(ir), 'ir ip certConf pkiconf');
    await verifies('kari.pem');
    await fits('kari');
    const byAgreement = [...byKey(agreeing, 'kari'), '--protection', 'dhBasedMac'];
    const kur = await enrol('kari2', ...byAgreement, ...proof);
    t.equal(kur.code, 0, kur.output);
    t.equal(messagesOf(kur), 'kur kup certConf pkiconf');
    const genm = await stand.gatehouse('cmp', 'genm', ...byAgreement, '--encryption-cert', 'ra-enc.pem', '--infotype', 'caCerts');
    t.match(genm.stdout, /caCerts/, genm.output);
    const rr = await stand.gatehouse('cmp', 'rr', ...byKey(agreeing, 'kari2'), '--protection', 'dhBasedMac', '--encryption-cert', 'ra-enc.pem');
    t.equal(rr.code, 0, rr.output);
    const after = await enrol('kari3', ...byKey(agreeing, 'kari2'), '--protection', 'dhBasedMac', ...proof);
    t.match(after.stderr, /certRevoked|signerNotTrusted/, 'CMP-075 a revoked certificate agrees with nobody');
    const elsewhere = await enrol('no', ...byKey(demo, 'kari'), '--protection', 'dhBasedMac', ...proof);
    t.match(elsewhere.stderr, /badAlg/, 'another profile does not serve it');
    const other = await stand.profile('Agreeing too', { cmp: { dhBasedMac: true, possession: { agreeMac: true } } });
    await encryptionCertificate(other, 'other-enc.pem');
    const crossed = await enrol(
      'no',
      ...byKey(agreeing, 'kari'),
      '--protection',
      'dhBasedMac',
      '--possession',
      'agreeMAC',
      '--encryption-cert',
      'other-enc.pem',
    );
    t.match(crossed.stderr, /badMessageCheck/, 'a key agreed with another profile is none here');
    const wrong = await enrol('no', ...bySecret(agreeing), '--subject', 'CN=no', '--key-type', 'P-384', ...proof);
    t.match(wrong.stderr, /needs a P-256 key/);
  });

  await t.test('a passphrase left while the key was there revokes the certificate when it is lost (CMP-167)', async (t) => {
    const leaving = await stand.profile('Leaving', { cmp: { protection: ['mac', 'signature'], revocation: { passphrases: true } } });
    await encryptionCertificate(leaving, 'leaving-enc.pem');
    await stand.enrol('leaver', leaving);
    bench.write('passphrase', 'a passphrase nobody guesses\n');
    const left = ['--infotype', 'revPassphrase', '--passphrase-file', 'passphrase', '--passphrase-id', 'leaver-lost', '--encryption-cert', 'leaving-enc.pem'];
    const genm = await stand.gatehouse('cmp', 'genm', ...byKey(leaving, 'leaver'), ...left);
    t.equal(genm.code, 0, genm.output);
    t.match(genm.stdout, /revPassphrase: without a value/);
    const by = ['--url', leaving.url, '--reference', 'leaver-lost', '--secret-file', 'passphrase', '--revoke', 'leaver.pem', '--reason', 'keyCompromise'];
    const rr = await stand.gatehouse('cmp', 'rr', ...by);
    t.equal(rr.code, 0, rr.output);
    t.equal(await stand.statusOf('leaver'), 'revoked');
    const wrong = await stand.gatehouse('cmp', 'rr', ...by.slice(0, 4), '--secret', 'a passphrase that I guess', '--revoke', 'leaver.pem');
    t.match(wrong.stderr, /badMessageCheck/);
  });

  await t.test('a profile that demands KemBasedMac of its answers: the client takes the certificate from the demand (CMP-083)', async (t) => {
    const proving = await stand.profile('Proving', { cmp: { kemAnswers: 'demanded' } });
    await encryptionCertificate(proving, 'ra-kem.pem');
    await stand.enrol('plain', proving);
    const kur = await enrol('proved', ...byKey(proving, 'plain'));
    t.equal(kur.code, 0, kur.output);
    t.equal(messagesOf(kur), 'kur error kur kup certConf pkiconf');
    const known = await enrol('proved2', ...byKey(proving, 'proved'), '--encryption-cert', 'ra-kem.pem');
    t.equal(messagesOf(known), 'kur kup certConf pkiconf', known.output);
    const genm = await stand.gatehouse('cmp', 'genm', ...byKey(proving, 'proved2'), '--infotype', 'caProtEncCert', '--verbose');
    t.equal(messagesOf(genm), 'genm error genm genp', genm.output);
    const rr = await stand.gatehouse('cmp', 'rr', ...byKey(proving, 'proved2'), '--verbose');
    t.equal(messagesOf(rr), 'rr error rr rp', rr.output);
    const [url, cert, key] = [byKey(proving, 'proved').slice(0, 2), byKey(proving, 'proved').slice(2, 4), byKey(proving, 'proved').slice(4, 6)];
    const untrusting = await enrol('no', ...url, ...cert, ...key, '--trusted', 'ra-ca.pem');
    t.match(untrusting.stderr, /wrongIntegrity/, 'a KEM certificate that does not chain to a trusted one is not followed');
  });

  await t.test('tokens for one registration and authenticators for many (CMP-099)', async (t) => {
    const strict = await stand.profile('Tokens', { cmp: { registrationTokens: 'demand' } });
    const mint = async (body: object) => (await stand.api<{ challenge: string }>('POST', `/cmp-profiles/${strict.id}/registration-tokens`, body)).challenge;
    const once = await mint({ uses: 1 });
    const none = await enrol('t0', ...bySecret(strict), '--subject', 'CN=client-token');
    t.match(none.stderr, /notAuthorized|badRequest/, 'demanded');
    const first = await enrol('t1', ...bySecret(strict), '--subject', 'CN=client-token', '--token', once);
    t.equal(first.code, 0, first.output);
    const second = await enrol('t2', ...bySecret(strict), '--subject', 'CN=client-token', '--token', once);
    t.equal(second.code !== 0, true, 'good once');
    const lasting = await mint({ uses: 1 });
    for (const name of ['t3', 't4']) {
      const ran = await enrol(name, ...bySecret(strict), '--subject', 'CN=client-token', '--token', await mint({ uses: 1 }), '--authenticator', lasting);
      t.equal(ran.code, 0, ran.output);
    }
    const wrong = await enrol('t5', ...bySecret(strict), '--subject', 'CN=client-token', '--token', await mint({ uses: 1 }), '--authenticator', 'guessed');
    t.equal(wrong.code !== 0, true, 'a wrong authenticator');
    t.equal((await enrol('t6', ...byKey(strict, 't1'))).code, 0, 'a renewal needs none');
  });

  await t.test('a number decrypted as proof of possession: RSA, EC and ML-KEM (CMP-110)', async (t) => {
    for (const type of ['RSA-2048', 'P-256', 'ML-KEM-768']) {
      const ran = await enrol(
        `challenge-${type}`,
        ...bySecret(full),
        '--subject',
        `CN=client-challenge-${type}`,
        '--key-type',
        type,
        '--possession',
        'challengeResp',
      );
      t.equal(ran.code, 0, ran.output);
      t.equal(messagesOf(ran), 'ir popdecc popdecr ip certConf pkiconf', type);
      // Debian's OpenSSL reads no certificates of ML-KEM keys.
      if (type !== 'ML-KEM-768') await verifies(`challenge-${type}.pem`);
    }
    const off = await enrol('no', ...bySecret(demo), '--subject', 'CN=no', '--key-type', 'RSA-2048', '--possession', 'challengeResp');
    t.match(off.stderr, /badPOP/);
  });

  await t.test('every question of genm (CMP-158 CMP-166 CMP-172)', async (t) => {
    const names = [
      'caCerts',
      'rootCaCert',
      'certReqTemplate',
      'currentCRL',
      'signKeyPairTypes',
      'encKeyPairTypes',
      'preferredSymmAlg',
      'caProtEncCert',
      'suppLangTags',
    ];
    const ran = await stand.gatehouse('cmp', 'genm', ...bySecret(demo), '--infotype', ...names, 'keyPairParamReq', '--out', 'asked.pem');
    t.equal(ran.code, 0, ran.output);
    for (const name of ['caCerts', 'rootCaKeyUpdate', 'certReqTemplate', 'crls: 1', 'keyPairParamRep']) t.match(ran.stdout, new RegExp(name));
    t.notMatch(ran.stdout, /unsupportedOIDs/);
    const chain = ['--infotype', 'caCerts', '--out', 'issuing.pem'];
    t.equal((await stand.gatehouse('cmp', 'genm', ...bySecret(demo), ...chain)).code, 0);
    const none = await stand.gatehouse('cmp', 'genm', ...bySecret(demo), '--infotype', 'crlStatusList', '--crl-issuer', 'issuing.pem', '--out', 'first.crl');
    t.equal(none.code, 0, none.output);
    const same = await stand.gatehouse('cmp', 'genm', ...bySecret(demo), '--infotype', 'crlStatusList', '--crl', 'first.crl');
    t.match(same.stdout, /crls/, same.output);
    t.notMatch(same.stdout, /crls: 1/, 'nothing newer');
  });

  await t.test('gatehouse help enrol names the operations', async (t) => {
    const help = (await stand.gatehouse('enrol', 'cmp', '--help')).stdout;
    for (const word of [
      'ccr',
      'pbmac1',
      '--central-key',
      'encrCert',
      'raVerified',
      'ML-KEM-768',
      '--batch',
      '--several',
      '--forward-cert',
      'cmp rr',
      'cmp genm',
      'reject',
    ]) {
      t.ok(help.includes(word), word);
    }
  });
});

/** An administrator decides, once the order is there. */
async function approve(stand: CmpStand, name: string): Promise<void> {
  for (let tries = 0; tries < 80; tries += 1) {
    const { items } = await stand.api<{ items: readonly { id: string; state: string }[] }>('GET', `/orders?q=${name}`);
    const waiting = items.find(({ state }) => state === 'AWAITING_APPROVAL');
    if (waiting !== undefined) return stand.api('POST', `/orders/${waiting.id}/approve`, {});
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Error(`No order for ${name} came.`);
}
