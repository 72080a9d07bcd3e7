import type { Corpus } from './corpus.js';
import type { Target } from './target.js';
import type { World } from './world.js';

export function handlerTargets(_corpus: Corpus, _world: World): Target[] {
  return [];
}
