import { expect, test } from "bun:test";
import { createVerify, generateKeyPairSync } from "node:crypto";
import { cloudFrontSigner } from "./cloudfront-signer.ts";
import { ownSigner } from "./signed-urls.ts";

const base = "https://cdn.example.org";
const now = new Date("2026-01-01T00:00:00Z");
const later = new Date("2026-01-01T01:00:00Z");
const signer = ownSigner(base, "a key of some length");
const parts = (address: string) => {
  const url = new URL(address);
  return [url.pathname, url.searchParams] as const;
};

test("an address holds until its end", () => {
  const [path, query] = parts(signer.sign("/cdn/files/a", later));
  expect(path).toBe("/cdn/files/a");
  expect(signer.verify(path, query, now)).toEqual(later);
  expect(signer.verify(path, query, new Date(later.getTime() - 1))).toEqual(later);
  expect(signer.verify(path, query, later)).toBeNull();
});

test("the same path and end give the same address, so that caches know it again", () => {
  expect(signer.sign("/cdn/files/a", later)).toBe(signer.sign("/cdn/files/a", later));
});

test("nothing of it can be changed", () => {
  const [path, query] = parts(signer.sign("/cdn/files/a", later));
  expect(signer.verify("/cdn/files/b", query, now)).toBeNull();
  const changed = (name: string, value: string | null) => {
    const copy = new URLSearchParams(query);
    if (value === null) copy.delete(name);
    else copy.set(name, value);
    return signer.verify(path, copy, now);
  };
  expect(changed("unrelated", "1")).toEqual(later);
  for (const expires of [null, "", "9999999999", "NaN", "1e12", "-1"]) {
    expect(changed("expires", expires)).toBeNull();
  }
  const signature = query.get("signature") ?? "";
  const other = signature.startsWith("A") ? "B" : "A";
  for (const forged of [
    null,
    "",
    "x",
    other + signature.slice(1),
    signature.slice(0, -2),
    "é".repeat(43),
  ]) {
    expect(changed("signature", forged)).toBeNull();
  }
  expect(ownSigner(base, "another key, as long").verify(path, query, now)).toBeNull();
});

test("CloudFront's address carries a signature that its public key proves", () => {
  const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const privateKey = pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const address = new URL(
    cloudFrontSigner({ baseUrl: base, keyPairId: "K2JCJMDEHXQW5F", privateKey }).sign(
      "/cdn/files/a",
      later,
    ),
  );
  expect(address.searchParams.get("Key-Pair-Id")).toBe("K2JCJMDEHXQW5F");
  const expires = later.getTime() / 1000;
  expect(address.searchParams.get("Expires")).toBe(String(expires));
  // https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-creating-signed-url-canned-policy.html
  const policy = `{"Statement":[{"Resource":"${base}/cdn/files/a","Condition":{"DateLessThan":{"AWS:EpochTime":${expires}}}}]}`;
  const signature = (address.searchParams.get("Signature") ?? "")
    .replaceAll("-", "+")
    .replaceAll("_", "=")
    .replaceAll("~", "/");
  const verify = createVerify("RSA-SHA1").update(policy);
  expect(verify.verify(pair.publicKey, signature, "base64")).toBe(true);
});
