export { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
