import { z } from 'zod';

export const snippetSchema = z
  .object({
    client: z.string(),
    title: z.string(),
    language: z.enum(['sh', 'cisco', 'xml', 'text']),
    note: z.string(),
    text: z.string().describe('With the addresses filled in; secrets and the name of the device stand as $VARIABLES'),
  })
  .meta({ id: 'Snippet', description: 'How one client enrols with a profile' });

export type Snippet = z.output<typeof snippetSchema>;

export const snippetList = z.object({ items: z.array(snippetSchema) }).meta({ id: 'SnippetList' });
