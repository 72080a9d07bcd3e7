/** The server as the campaign runs it: the product, with a planted bug or a hostile CA where the campaign asks for one. */
import { parseConfig } from '../../src/config.js';
import { armFailpoints } from '../../src/runtime/failpoint.js';
import { serve } from '../../src/serve.js';
import { plantedBugs, replacementsFor } from './planted.js';

if (process.env.CHAOS_FAILPOINT !== undefined) armFailpoints(process.env.CHAOS_FAILPOINT);
const config = parseConfig(process.env);
if (!config.ok) throw new Error(JSON.stringify(config.error));
const bug = plantedBugs.find((name) => name === process.env.CHAOS_PLANTED);
void serve(config.value, replacementsFor(bug, process.env.CHAOS_CA_URL));
