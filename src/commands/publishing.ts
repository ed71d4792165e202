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
    // Whoever draws it loads it again, and says so if it cannot be loaded: badges are none the worse.
    page ? import('../publish/page.ts').catch(() => undefined) : undefined,
  ]);
  return publishing;
}
