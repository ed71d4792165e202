import { gaxios } from 'google-auth-library';
import { ApiError, faultOf, type Place, retryAfter } from './fault.ts';
import type { Network } from './network.ts';

type Options = NonNullable<Parameters<gaxios.Gaxios['request']>[0]>;

/** What a transport needs from outside. */
export interface TransportInput {
  readonly network: Network;
  /** Who answers at an address. */
  readonly placeOf: (url: URL) => Place;
  /** Is told the headers of every answer, and whose it is. */
  readonly heard: (headers: Headers, place: Place) => void;
  readonly now: () => Date;
}

/**
 * Google's transport, as its client and its ways of signing in use it, with three differences: it tells who
 * was asked when something fails, it takes the proxy that curl would take, and it tries nothing again, as that is
 * the caller's affair.
 */
export class Transport extends gaxios.Gaxios {
  readonly #input: TransportInput;
  /** Requests without an answer yet, the oldest first. */
  readonly #open = new Set<Place>();

  constructor(input: TransportInput) {
    super();
    this.#input = input;
  }

  /** Who was asked last and has not answered yet. */
  get waitingFor(): Place | undefined {
    return [...this.#open].at(-1);
  }

  override async request<T>(options: Options = {}): Promise<gaxios.GaxiosResponse<T>> {
    const { network, placeOf, heard, now } = this.#input;
    const url = new URL(String(options.url));
    const place = { ...placeOf(url) };
    const agent = network.agentFor(url);
    this.#open.add(place);
    try {
      const answer = await super.request<T>({ ...options, agent, retry: false, retryConfig: { retry: 0 } });
      heard(answer.headers, place);
      return answer;
    } catch (error) {
      const { response } = error as { response?: { headers: Headers } };
      if (response !== undefined) heard(response.headers, place);
      throw new ApiError(faultOf(error, place), response && retryAfter(response.headers, now().getTime()));
    } finally {
      this.#open.delete(place);
    }
  }
}
