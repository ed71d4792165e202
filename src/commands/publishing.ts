/** What makes files of figures. */
export type Publishing = typeof import('../publish/publishing.ts');

/**
 * Loads what makes files of figures. It takes as long as Node.js does to start, so that a run begins with it when
 * the first question is on its way: it is done before the answer comes.
 *
 * @param page Whether a page is going to be drawn, too.
 */
export async function loadPublishing(page: boolean): Promise<Publishing> {
  const [publishing] = await Promise.all([
    import('../publish/publishing.ts'),
    page ? import('../publish/page.ts') : undefined,
  ]);
  return publishing;
}
