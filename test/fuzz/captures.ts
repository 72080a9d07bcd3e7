import { decodeCapture, decryptionKey, renderText, verdictOf } from '../../src/decode/index.js';
import { Secret } from '../../src/runtime/secret.js';
import { mutate } from '../support/mutate.js';
import type { Corpus } from './corpus.js';
import { must, type Target } from './target.js';
import type { World } from './world.js';

/** The view of captured messages, with and without the keys that open them: any bytes, never an exception. */
export function captureTarget(corpus: Corpus, world: World): Target {
  const everything = Object.values(corpus).flat();
  const key = decryptionKey(world.ra.privateKey, world.ra.certificate);
  if (!key.ok) throw new Error(key.error);
  const keys = { decryption: [key.value], secret: new Secret(world.secrets.secret) };
  return {
    name: 'capture',
    weight: 2,
    make: (random) => ({ bytes: mutate(random.pick(everything), random, everything), isVouched: false }),
    check: async ({ bytes }) => {
      const isOpened = ((bytes[bytes.length >> 1] ?? 0) & 7) === 0;
      const capture = await decodeCapture(bytes, isOpened ? keys : {});
      const text = renderText(capture, false);
      must(!/[^\n\P{Cc}]|\p{Cf}/u.test(text), 'a hidden character reached the text of a capture');
      return `${capture.kind} ${verdictOf(capture)}`;
    },
  };
}
