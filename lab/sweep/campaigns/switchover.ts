import { lossWithin } from '../../drill/judge/promises.ts';
import { moveCampaign } from './move.ts';

/** A planned move: the site that is left is well, and goes dark only under `dark-here`. No acknowledged order may be lost. */
export const switchover = moveCampaign({
  name: 'switchover',
  promises: [lossWithin(0)],
  losesNothing: true,
  darkens: ({ from }) => from,
  begin: async () => () => undefined,
});
