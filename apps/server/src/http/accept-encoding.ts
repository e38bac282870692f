/** The content codings that this server writes. */
export const encodings = ["br", "zstd", "gzip"] as const;
export type Encoding = (typeof encodings)[number];

/** Browsers send a handful of different headers; a stranger may send as many as they like. */
const maxRemembered = 100;
const maxRememberedLength = 200;
const remembered = new Map<string, ReadonlyMap<string, number>>();

/**
 * The coding to send (RFC 9110, 12.5.3): of those that the client accepts with the highest weight,
 * the first in `preferred`. Undefined for none: the bytes as they are, which are sent also where a
 * client refuses them, since there is nothing else to send.
 */
export function chooseEncoding(
  header: string | null,
  preferred: readonly Encoding[],
): Encoding | undefined {
  if (!header) return undefined;
  const weights = weightsOf(header);
  const others = weights.get("*") ?? 0;
  let best: Encoding | undefined;
  // A client that would rather have the bytes as they are gets them.
  let bestWeight = weights.get("identity") ?? 0;
  for (const encoding of preferred) {
    const weight = weights.get(encoding) ?? others;
    if (weight > 0 && (best === undefined ? weight >= bestWeight : weight > bestWeight)) {
      best = encoding;
      bestWeight = weight;
    }
  }
  return best;
}

function weightsOf(header: string): ReadonlyMap<string, number> {
  const known = remembered.get(header);
  if (known) return known;
  const weights = parseWeights(header);
  if (header.length <= maxRememberedLength && remembered.size < maxRemembered) {
    remembered.set(header, weights);
  }
  return weights;
}

function parseWeights(header: string): Map<string, number> {
  const weights = new Map<string, number>();
  for (const part of header.toLowerCase().split(",")) {
    const [coding = "", ...parameters] = part.split(";").map((piece) => piece.trim());
    const quality = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
    const weight = quality === undefined ? 1 : Number(quality);
    // What is not a weight is taken for a refusal: uncompressed is always understood.
    weights.set(coding, weight >= 0 && weight <= 1 ? weight : 0);
  }
  return weights;
}
