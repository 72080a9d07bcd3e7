import { captureTarget } from './captures.js';
import { loadCorpus } from './corpus.js';
import { decoderTargets } from './decoders.js';
import { deepCmpTarget } from './deep/cmp.js';
import { deepScepTarget } from './deep/scep.js';
import { handlerTargets } from './handlers.js';
import { plantedTargets } from './planted.js';
import type { Target } from './target.js';
import { textTargets } from './texts.js';
import { loadWorld } from './world.js';

export interface Choice {
  readonly planted: boolean;
  /** Instead of all others, the targets whose messages are right in form and reach the policy. */
  readonly deep?: boolean;
  /** Only the target of this name. */
  readonly only?: string;
}

export async function chooseTargets(choice: Choice): Promise<Target[]> {
  const corpus = loadCorpus();
  const world = loadWorld();
  if (choice.deep === true) return chosen([deepScepTarget(corpus, world), await deepCmpTarget(corpus, world)], choice);
  const planted = choice.planted ? plantedTargets(corpus) : [];
  const targets = [
    ...planted,
    ...decoderTargets(corpus, world),
    ...textTargets(corpus),
    captureTarget(corpus, world),
    ...(await handlerTargets(corpus, world)),
  ];
  return chosen(targets, choice);
}

function chosen(targets: Target[], { only }: Choice): Target[] {
  return only === undefined ? targets : targets.filter((target) => target.name === only);
}
