import './reflect-metadata.js';
import { webcrypto } from 'node:crypto';
import * as peculiar from '@peculiar/x509';
import * as pkijs from 'pkijs';

type WebCrypto = NonNullable<ConstructorParameters<typeof pkijs.CryptoEngine>[0]['crypto']>;
const crypto = webcrypto as unknown as WebCrypto;
peculiar.cryptoProvider.set(crypto);
pkijs.setEngine('node', new pkijs.CryptoEngine({ name: 'node', crypto }));

/** Other people's readers of certificates and lists, to hold ours against. They get DER and nothing else. */
export { peculiar, pkijs };
