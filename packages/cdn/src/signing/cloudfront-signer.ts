import { getSignedUrl } from "@aws-sdk/cloudfront-signer";
import type { UrlSigner } from "./signed-urls.ts";

/** CloudFront's own: it checks the signature at its edge. */
export function cloudFrontSigner(options: {
  /** The distribution: `https://d111111abcdef8.cloudfront.net`. */
  baseUrl: string;
  keyPairId: string;
  /** PEM. */
  privateKey: string;
}): UrlSigner {
  const { baseUrl, keyPairId, privateKey } = options;
  return {
    sign: (path, expiresAt) =>
      getSignedUrl({ url: baseUrl + path, keyPairId, privateKey, dateLessThan: expiresAt }),
  };
}
