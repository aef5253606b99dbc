/**
 * What the isolated world of a frame knows and the page cannot change: permissions policy, user activation, secure
 * context, embedding origins. The frame's own origin is not among them: the browser gives it with the port.
 */
import type { FrameFacts } from "../protocol/page-port";

interface FeaturePolicy {
  features(): string[];
  allowsFeature(feature: string): boolean;
}

const POLICY_FEATURE = "language-model";

export function frameFacts(frame: Window): FrameFacts {
  return {
    userActivation: frame.navigator.userActivation.isActive,
    policyAllows: policyAllows(frame),
    secureContext: frame.isSecureContext,
    ancestorOrigins: Array.from(frame.location.ancestorOrigins),
  };
}

function policyAllows(frame: Window): boolean {
  const policy = (frame.document as Document & { featurePolicy?: FeaturePolicy }).featurePolicy;
  // A browser that does not know the feature answers false everywhere; then only frames of one origin are allowed.
  if (policy?.features().includes(POLICY_FEATURE)) return policy.allowsFeature(POLICY_FEATURE);
  return Array.from(frame.location.ancestorOrigins).every((origin) => origin === frame.location.origin);
}
