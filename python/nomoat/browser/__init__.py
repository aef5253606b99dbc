"""Runs packages in headless Chromium: finding it, starting it, serving to it, driving the runner page."""

from nomoat.browser.chromium import Adapter, find_chromium
from nomoat.browser.device import Device, DeviceInfo
from nomoat.browser.runner import BrowserModel, Embedded, Generated, open_model

__all__ = ["Adapter", "BrowserModel", "Device", "DeviceInfo", "Embedded", "Generated", "find_chromium", "open_model"]
