/** Proves that a site's burst is bounded and its rate recovers, apart from other sites. Needs nothing. */
import { expect, it } from "vitest";
import { RateLimiter } from "../offscreen/rate-limit";

it("passes a burst, then one per interval, and says when", () => {
  let now_ms = 0;
  const limiter = new RateLimiter({ burst: 3, perSecond: 2 }, () => now_ms);
  expect([1, 2, 3].map(() => limiter.take("https://a.example"))).toEqual([0, 0, 0]);
  expect(limiter.take("https://a.example")).toBe(500);
  expect(limiter.take("https://b.example")).toBe(0);
  now_ms = 500;
  expect(limiter.take("https://a.example")).toBe(0);
  expect(limiter.take("https://a.example")).toBe(500);
  now_ms = 1_000_000;
  expect([1, 2, 3].map(() => limiter.take("https://a.example"))).toEqual([0, 0, 0]);
  expect(limiter.take("https://a.example")).toBeGreaterThan(0);
});

it("keeps limiting a site while many others come and go", () => {
  let now_ms = 0;
  const limiter = new RateLimiter({ burst: 1, perSecond: 1 }, () => now_ms);
  limiter.take("https://a.example");
  for (let i = 0; i < 1000; i++) limiter.take(`https://${i}.example`);
  expect(limiter.take("https://a.example")).toBe(1000);
  now_ms = 2000;
  expect(limiter.take("https://a.example")).toBe(0);
});
