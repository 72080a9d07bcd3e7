import { captureTarget } from './captures.js';
import { loadCorpus } from './corpus.js';
import { decoderTargets } from './decoders.js';
import { handlerTargets } from './handlers.js';
import { plantedTargets } from './planted.js';
import type { Target } from './target.js';
import { textTargets } from './texts.js';
import { loadWorld } from './world.js';

export interface Choice {
  readonly planted: boolean;
  /** Only the target of this name. */
  readonly only?: string;
}

export async function chooseTargets(choice: Choice): Promise<Target[]> {
  const corpus = loadCorpus();
  const world = loadWorld();
  const planted = choice.planted ? plantedTargets(corpus) : [];
  const targets = [
    ...planted,
    ...decoderTargets(corpus, world),
    ...textTargets(corpus),
    captureTarget(corpus, world),
    ...(await handlerTargets(corpus, world)),
  ];
  return choice.only === undefined ? targets : targets.filter((target) => target.name === choice.only);
}
