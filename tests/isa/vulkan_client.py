"""Just enough of Vulkan, by ctypes: a device of the loader's first driver, compute pipelines, and what became of them.

The driver may be a null device, which compiles and cannot run. Structures have the names and values of the Vulkan
specification (registry.khronos.org/vulkan); a structure that is only a list of switches is a ``_Switches``.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from ctypes import POINTER, Structure, byref, c_char, c_char_p, c_float, c_int32, c_size_t, c_uint32, c_uint64, c_void_p
from dataclasses import dataclass
from typing import Any

# VkStructureType
_APPLICATION_INFO = 0
_INSTANCE_CREATE_INFO = 1
_DEVICE_QUEUE_CREATE_INFO = 2
_DEVICE_CREATE_INFO = 3
_SHADER_MODULE_CREATE_INFO = 16
_PIPELINE_SHADER_STAGE_CREATE_INFO = 18
_COMPUTE_PIPELINE_CREATE_INFO = 29
_PIPELINE_LAYOUT_CREATE_INFO = 30
_DESCRIPTOR_SET_LAYOUT_CREATE_INFO = 32
_PHYSICAL_DEVICE_FEATURES_2 = 1000059000
_PIPELINE_EXECUTABLE_INFO = 1000269003
_PIPELINE_EXECUTABLE_STATISTIC = 1000269004
_PIPELINE_EXECUTABLE_INTERNAL_REPRESENTATION = 1000269005
# Structures of switches: their VkStructureType, and how many switches each has.
_FEATURES = {
    "Vulkan11": (49, 12),
    "Vulkan12": (51, 47),
    "Vulkan13": (53, 15),
    "Robustness2EXT": (1000286000, 3),
    "PipelineExecutablePropertiesKHR": (1000269000, 1),
    "ShaderMaximalReconvergenceKHR": (1000434000, 1),
}
_CORE_FEATURES = 55
_EXTENSIONS = (b"VK_KHR_pipeline_executable_properties", b"VK_EXT_robustness2", b"VK_KHR_shader_maximal_reconvergence")
_VULKAN_1_3 = (1 << 22) | (3 << 12)
_COMPUTE = 0x20  # VK_SHADER_STAGE_COMPUTE_BIT
_STORAGE_BUFFER, _UNIFORM_BUFFER = 7, 6  # VkDescriptorType
_CAPTURE = 0x40 | 0x80  # of statistics and of internal representations
_NAME_BYTES = 256
_MOST_PROPERTIES_WORDS = 1024  # VkPhysicalDeviceProperties has fewer


class VulkanError(RuntimeError):
    """A call that did not succeed; the message names it."""


class _Base(Structure):
    _fields_ = [("sType", c_uint32), ("pNext", c_void_p)]


class _ApplicationInfo(_Base):
    _fields_ = [
        ("pApplicationName", c_char_p), ("applicationVersion", c_uint32), ("pEngineName", c_char_p),
        ("engineVersion", c_uint32), ("apiVersion", c_uint32),
    ]  # fmt: skip


class _InstanceCreateInfo(_Base):
    _fields_ = [
        ("flags", c_uint32), ("pApplicationInfo", POINTER(_ApplicationInfo)), ("enabledLayerCount", c_uint32),
        ("ppEnabledLayerNames", c_void_p), ("enabledExtensionCount", c_uint32), ("ppEnabledExtensionNames", c_void_p),
    ]  # fmt: skip


class _DeviceQueueCreateInfo(_Base):
    _fields_ = [
        ("flags", c_uint32), ("queueFamilyIndex", c_uint32), ("queueCount", c_uint32),
        ("pQueuePriorities", POINTER(c_float)),
    ]  # fmt: skip


class _DeviceCreateInfo(_Base):
    _fields_ = [
        ("flags", c_uint32), ("queueCreateInfoCount", c_uint32), ("pQueueCreateInfos", POINTER(_DeviceQueueCreateInfo)),
        ("enabledLayerCount", c_uint32), ("ppEnabledLayerNames", c_void_p), ("enabledExtensionCount", c_uint32),
        ("ppEnabledExtensionNames", POINTER(c_char_p)), ("pEnabledFeatures", c_void_p),
    ]  # fmt: skip


class _Binding(Structure):
    _fields_ = [
        ("binding", c_uint32), ("descriptorType", c_uint32), ("descriptorCount", c_uint32), ("stageFlags", c_uint32),
        ("pImmutableSamplers", c_void_p),
    ]  # fmt: skip


class _DescriptorSetLayoutCreateInfo(_Base):
    _fields_ = [("flags", c_uint32), ("bindingCount", c_uint32), ("pBindings", POINTER(_Binding))]


class _PushConstantRange(Structure):
    _fields_ = [("stageFlags", c_uint32), ("offset", c_uint32), ("size", c_uint32)]


class _PipelineLayoutCreateInfo(_Base):
    _fields_ = [
        ("flags", c_uint32), ("setLayoutCount", c_uint32), ("pSetLayouts", POINTER(c_uint64)),
        ("pushConstantRangeCount", c_uint32), ("pPushConstantRanges", POINTER(_PushConstantRange)),
    ]  # fmt: skip


class _ShaderModuleCreateInfo(_Base):
    _fields_ = [("flags", c_uint32), ("codeSize", c_size_t), ("pCode", c_char_p)]


class _PipelineShaderStageCreateInfo(_Base):
    _fields_ = [
        ("flags", c_uint32), ("stage", c_uint32), ("module", c_uint64), ("pName", c_char_p),
        ("pSpecializationInfo", c_void_p),
    ]  # fmt: skip


class _ComputePipelineCreateInfo(_Base):
    _fields_ = [
        ("flags", c_uint32), ("stage", _PipelineShaderStageCreateInfo), ("layout", c_uint64),
        ("basePipelineHandle", c_uint64), ("basePipelineIndex", c_int32),
    ]  # fmt: skip


class _PipelineExecutableInfo(_Base):
    _fields_ = [("pipeline", c_uint64), ("executableIndex", c_uint32)]


class _Statistic(_Base):
    _fields_ = [
        ("name", c_char * _NAME_BYTES), ("description", c_char * _NAME_BYTES), ("format", c_uint32),
        ("value", c_uint64),
    ]  # fmt: skip


class _InternalRepresentation(_Base):
    _fields_ = [
        ("name", c_char * _NAME_BYTES), ("description", c_char * _NAME_BYTES), ("isText", c_uint32),
        ("dataSize", c_size_t), ("pData", c_void_p),
    ]  # fmt: skip


def _features() -> list[Any]:
    """VkPhysicalDeviceFeatures2 and the structures of features after it, each pointing to the next."""

    def switches(count: int) -> Any:
        return type("_Switches", (_Base,), {"_fields_": [("switches", c_uint32 * count)]})

    chain = [switches(_CORE_FEATURES)(_PHYSICAL_DEVICE_FEATURES_2)]
    for structure_type, count in _FEATURES.values():
        chain.append(switches(count)(structure_type))
        chain[-2].pNext = ctypes.addressof(chain[-1])
    return chain


@dataclass(frozen=True)
class Compiled:
    """``statistics`` by the driver's names; ``assembly`` is the text of the machine code."""

    statistics: dict[str, int]
    assembly: str


class Device:
    """The first device of the first driver, with every feature that it has of those that a kernel may need."""

    def __init__(self, library: str) -> None:
        """``library``: the Vulkan loader."""
        self._library = ctypes.CDLL(library)
        application = _ApplicationInfo(_APPLICATION_INFO, apiVersion=_VULKAN_1_3)
        instance = c_void_p()
        info = _InstanceCreateInfo(_INSTANCE_CREATE_INFO, pApplicationInfo=ctypes.pointer(application))
        self._call("vkCreateInstance", byref(info), None, byref(instance))
        count, physical = c_uint32(1), c_void_p()
        self._library.vkEnumeratePhysicalDevices(instance, byref(count), byref(physical))
        if not physical:
            raise VulkanError("the Vulkan driver has no device")
        properties = (c_uint32 * _MOST_PROPERTIES_WORDS)()
        self._library.vkGetPhysicalDeviceProperties(physical, properties)
        version = properties[1]
        # How VK_MAKE_API_VERSION packs it, as Mesa does.
        self.driver_version = f"{version >> 22}.{version >> 12 & 0x3FF}.{version & 0xFFF}"
        chain = _features()
        self._library.vkGetPhysicalDeviceFeatures2(physical, byref(chain[0]))
        queue = _DeviceQueueCreateInfo(
            _DEVICE_QUEUE_CREATE_INFO, queueCount=1, pQueuePriorities=ctypes.pointer(c_float(1))
        )
        names = (c_char_p * len(_EXTENSIONS))(*_EXTENSIONS)
        device_info = _DeviceCreateInfo(
            _DEVICE_CREATE_INFO, ctypes.addressof(chain[0]), queueCreateInfoCount=1,
            pQueueCreateInfos=ctypes.pointer(queue), enabledExtensionCount=len(names), ppEnabledExtensionNames=names,
        )  # fmt: skip
        self._device = c_void_p()
        self._call("vkCreateDevice", physical, byref(device_info), None, byref(self._device))
        self._library.vkGetDeviceProcAddr.restype = c_void_p
        self._statistics = self._extension("vkGetPipelineExecutableStatisticsKHR")
        self._representations = self._extension("vkGetPipelineExecutableInternalRepresentationsKHR")

    def compile(self, spirv: bytes, entry_point: str, storage_buffers: int, has_uniforms: bool) -> Compiled:
        """A compute pipeline whose bindings are the storage buffers, then the uniform buffer."""
        types = [_STORAGE_BUFFER] * storage_buffers + [_UNIFORM_BUFFER] * has_uniforms
        with self._layout(types) as layout, self._module(spirv) as module:
            stage = _PipelineShaderStageCreateInfo(
                _PIPELINE_SHADER_STAGE_CREATE_INFO, stage=_COMPUTE, module=module, pName=entry_point.encode()
            )
            info = _ComputePipelineCreateInfo(_COMPUTE_PIPELINE_CREATE_INFO, flags=_CAPTURE, stage=stage, layout=layout)
            pipeline = c_uint64()
            create = ("vkCreateComputePipelines", self._device, c_uint64(0), 1, byref(info), None, byref(pipeline))
            self._call(*create)
        try:
            return Compiled(self._statistics_of(pipeline), self._assembly_of(pipeline))
        finally:
            self._library.vkDestroyPipeline(self._device, pipeline, None)

    def _statistics_of(self, pipeline: c_uint64) -> dict[str, int]:
        empty = _Statistic(_PIPELINE_EXECUTABLE_STATISTIC)
        return {s.name.decode(): s.value for s in self._listed(self._statistics, pipeline, empty)}

    def _assembly_of(self, pipeline: c_uint64) -> str:
        empty = _InternalRepresentation(_PIPELINE_EXECUTABLE_INTERNAL_REPRESENTATION)
        parts = self._listed(self._representations, pipeline, empty)
        buffers = [ctypes.create_string_buffer(part.dataSize + 1) for part in parts]
        for part, buffer in zip(parts, buffers, strict=True):
            part.pData = ctypes.addressof(buffer)
        parts = self._filled(self._representations, pipeline, parts)
        (text,) = (b.value for p, b in zip(parts, buffers, strict=True) if p.name == b"Assembly")
        return text.decode()

    def _listed(self, query: Callable[..., int], pipeline: c_uint64, empty: Any) -> Any:
        """All that ``query`` has for the pipeline's one executable, asked for with copies of ``empty``."""
        info, count = _PipelineExecutableInfo(_PIPELINE_EXECUTABLE_INFO, None, pipeline), c_uint32()
        query(self._device, byref(info), byref(count), None)
        return self._filled(query, pipeline, (type(empty) * count.value)(*[empty] * count.value))

    def _filled(self, query: Callable[..., int], pipeline: c_uint64, array: Any) -> Any:
        info, count = _PipelineExecutableInfo(_PIPELINE_EXECUTABLE_INFO, None, pipeline), c_uint32(len(array))
        query(self._device, byref(info), byref(count), array)
        return array

    @contextmanager
    def _layout(self, types: Sequence[int]) -> Iterator[c_uint64]:
        bindings = (_Binding * len(types))(*(_Binding(i, t, 1, _COMPUTE) for i, t in enumerate(types)))
        set_info = _DescriptorSetLayoutCreateInfo(_DESCRIPTOR_SET_LAYOUT_CREATE_INFO, None, 0, len(types), bindings)
        set_layout, layout = c_uint64(), c_uint64()
        self._call("vkCreateDescriptorSetLayout", self._device, byref(set_info), None, byref(set_layout))
        # Dawn has constants of its own there.
        constants = _PushConstantRange(_COMPUTE, 0, 128)
        info = _PipelineLayoutCreateInfo(
            _PIPELINE_LAYOUT_CREATE_INFO, None, 0, 1, ctypes.pointer(set_layout), 1, ctypes.pointer(constants)
        )
        self._call("vkCreatePipelineLayout", self._device, byref(info), None, byref(layout))
        yield layout
        self._library.vkDestroyPipelineLayout(self._device, layout, None)
        self._library.vkDestroyDescriptorSetLayout(self._device, set_layout, None)

    @contextmanager
    def _module(self, spirv: bytes) -> Iterator[c_uint64]:
        module = c_uint64()
        info = _ShaderModuleCreateInfo(_SHADER_MODULE_CREATE_INFO, codeSize=len(spirv), pCode=spirv)
        self._call("vkCreateShaderModule", self._device, byref(info), None, byref(module))
        yield module
        self._library.vkDestroyShaderModule(self._device, module, None)

    def _extension(self, name: str) -> Callable[..., int]:
        address = self._library.vkGetDeviceProcAddr(self._device, name.encode())
        if not address:
            raise VulkanError(f"the Vulkan driver has no {name}")
        return ctypes.CFUNCTYPE(c_int32, c_void_p, c_void_p, c_void_p, c_void_p)(address)

    def _call(self, name: str, *arguments: Any) -> None:
        result = getattr(self._library, name)(*arguments)
        if result != 0:
            raise VulkanError(f"{name} returned {result}")
