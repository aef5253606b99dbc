"""What the text of RDNA3 machine code says of a kernel: its loops, what they load, and how long they wait for it.

    instructions    those that one wave executes, a loop's as often as the loop turns
    loads           bytes that each lane loads from a buffer, of all turns, by the buffer's binding
    bytes per wait  of a loop: bytes that each lane loads, per latency of memory that the loop waits for

A wait is counted on a model of the machine where every load takes one latency and everything else no time: loads that
are in flight together cost one, a load whose address comes of another load costs a second. Descriptors, which lie in
the scalar cache, and workgroup memory cost nothing. NOTE: it reads what LLVM's disassembler prints for RDNA3, in the
order of the text: a block that is skipped counts as if it were not.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

# How often a loop turns that has no constant bound, as far as instructions and loads are counted.
ASSUMED_TURNS = 16
# The waits of a loop are those of its later turns, when loads of earlier ones are in flight.
SETTLED_TURNS, COUNTED_TURNS = 4, 8
DESCRIPTOR_BYTES = 16

_LABEL = re.compile(r"^(BB\d+):")
_INSTRUCTION = re.compile(r"^\s+([a-z]\w+)\s*(.*?)\s*(?:;.*)?$")
_REGISTERS = re.compile(r"s\[(\d+):(\d+)\]")
_LOAD_BITS = re.compile(r"_(?:load|store)(?:_d16)?(?:_hi)?_([biu])(\d+)")
_COUNTER = re.compile(r"(vmcnt|lgkmcnt)\((\d+)\)")


@dataclass(frozen=True)
class Instruction:
    name: str
    operands: str
    binding: int | None = None  # of the buffer that it loads from

    @property
    def is_vector_load(self) -> bool:
        return self.name.startswith(("buffer_load", "global_load"))

    @property
    def is_scalar_load(self) -> bool:
        """Of data, not of a descriptor."""
        return self.name.startswith("s_buffer_load")

    @property
    def load_bytes(self) -> int:
        found = _LOAD_BITS.search(self.name)
        assert found, self.name
        return int(found.group(2)) // 8


@dataclass
class Loop:
    """Instructions ``begin`` to ``end`` of the program; ``turns`` None where no constant says how many."""

    begin: int
    end: int
    turns: int | None
    bytes_per_lane: int = 0  # loaded in one turn, without the loops inside
    waits: float = 0.0  # of one turn, without the loops inside

    @property
    def bytes_per_wait(self) -> float:
        """Infinite where the loop waits for nothing."""
        return self.bytes_per_lane / self.waits if self.waits else math.inf


@dataclass
class MachineCode:
    instructions: float  # executed
    loads: Counter[int]  # binding -> vector loads executed, whatever their width
    load_bytes: Counter[int]  # binding -> bytes per lane
    loops: list[Loop] = field(default_factory=list)

    @property
    def least_bytes_per_wait(self) -> float:
        """Of the loops that load; infinite where there is none."""
        return min((loop.bytes_per_wait for loop in self.loops if loop.bytes_per_lane), default=math.inf)

    @property
    def open_loops(self) -> int:
        """How many loops turn as often as data says."""
        return sum(loop.turns is None for loop in self.loops)


def read_machine_code(assembly: str) -> MachineCode:
    """``assembly`` as RADV gives it, with labels BB0, BB1, ..."""
    program, labels = _parse(assembly)
    loops = _loops(program, labels)
    result = MachineCode(0, Counter(), Counter(), loops)
    for position, instruction in enumerate(program):
        turns = math.prod(
            ASSUMED_TURNS if loop.turns is None else loop.turns for loop in loops if loop.begin <= position < loop.end
        )
        result.instructions += turns
        if instruction.is_vector_load and instruction.binding is not None:
            result.loads[instruction.binding] += turns
            result.load_bytes[instruction.binding] += turns * instruction.load_bytes
    for loop in loops:
        inner = [other for other in loops if other is not loop and loop.begin <= other.begin and other.end <= loop.end]
        own = [
            instruction
            for position, instruction in enumerate(program[loop.begin : loop.end], loop.begin)
            if not any(other.begin <= position < other.end for other in inner)
        ]
        loop.bytes_per_lane = sum(i.load_bytes for i in own if i.is_vector_load)
        loop.waits = _waits(own)
    return result


def _parse(assembly: str) -> tuple[list[Instruction], dict[str, int]]:
    """The instructions, and where each label points."""
    program: list[Instruction] = []
    labels: dict[str, int] = {}
    descriptors: dict[int, int] = {}  # first register of four -> binding
    for line in assembly.splitlines():
        if label := _LABEL.match(line):
            labels[label.group(1)] = len(program)
        elif found := _INSTRUCTION.match(line):
            name, operands = found.groups()
            if name.startswith("s_load_b"):
                _note_descriptors(operands, descriptors)
            binding = None
            if name.startswith(("buffer_load", "s_buffer_load")):
                # The last group of scalar registers of a vector load, the second one of a scalar load.
                groups = _REGISTERS.findall(operands)
                quads = [int(first) for first, last in groups if int(last) - int(first) == 3]
                binding = descriptors.get(quads[-1]) if quads else None
            program.append(Instruction(name, operands, binding))
    return program, labels


def _note_descriptors(operands: str, descriptors: dict[int, int]) -> None:
    """The registers that a load of descriptors fills: bindings lie one after another from the set's address on."""
    target, *_, offset = operands.split(", ")
    found = _REGISTERS.match(target)
    if not found:
        return
    first, last = (int(register) for register in found.groups())
    at = 0 if offset == "null" else int(offset, 0)
    for index in range((last - first + 1) // 4):
        descriptors[first + 4 * index] = at // DESCRIPTOR_BYTES + index


def _loops(program: Sequence[Instruction], labels: dict[str, int]) -> list[Loop]:
    """Outer ones first. A loop reaches from the target of a branch backwards to the last such branch."""
    ends: dict[int, int] = {}
    for position, instruction in enumerate(program):
        if instruction.name.startswith(("s_branch", "s_cbranch")):
            target = labels[instruction.operands.split()[0]]
            if target <= position:
                ends[target] = position + 1
    spans = sorted(ends.items(), key=lambda span: (span[0], -span[1]))
    return [Loop(begin, end, _turns(program, begin, end)) for begin, end in spans]


def _turns(program: Sequence[Instruction], begin: int, end: int) -> int | None:
    """The constant that a counter from 0 in steps of 1 is compared with before the branch back.

    Or how often an address from 0 in constant steps stays below a constant: so the driver zeroes workgroup memory.
    """
    if program[end - 1].name == "s_branch":
        return _zeroing_turns(program[begin:end])
    if program[end - 1].name != "s_cbranch_scc0":
        return None
    compare = next((i for i in reversed(program[begin : end - 1]) if i.name.startswith("s_cmp")), None)
    if compare is None or not re.fullmatch(r"s_cmpk?_ge_[iu]32", compare.name):
        return None
    counter, bound = compare.operands.split(", ")
    steps = [i for i in program[begin:end] if i.name.startswith("s_add") and i.operands.startswith(f"{counter}, ")]
    if [i.operands for i in steps] != [f"{counter}, {counter}, 1"] or not re.fullmatch(r"0x[0-9a-f]+|\d+", bound):
        return None
    return int(bound, 0)


def _zeroing_turns(body: Sequence[Instruction]) -> int | None:
    compares = [i.operands.split(", ") for i in body if i.name.startswith("v_cmpx_le_u32")]
    stores = [i for i in body if i.name.startswith("ds_store")]
    if len(compares) != 1 or len(stores) != 1:
        return None
    bound, address = compares[0]
    steps = [
        i.operands.split(", ") for i in body if i.name.startswith("v_add") and i.operands.startswith(f"{address}, ")
    ]
    if len(steps) != 1 or steps[0][2] != address or not stores[0].operands.startswith(f"{address}, "):
        return None
    return -(-int(bound, 0) // int(steps[0][1], 0))


def _waits(body: Sequence[Instruction]) -> float:
    """Latencies that a turn of a loop with this body waits for."""
    now = 0.0
    vector: list[float] = []  # when each load in flight is there, oldest first
    scalar: list[float] = []
    before = 0.0
    for turn in range(SETTLED_TURNS + COUNTED_TURNS):
        if turn == SETTLED_TURNS:
            before = now
        for instruction in body:
            if instruction.is_vector_load:
                vector.append(now + 1)
            elif instruction.is_scalar_load:
                scalar.append(now + 1)
            elif instruction.name == "s_waitcnt":
                for counter, most in _counters(instruction.operands):
                    in_flight = vector if counter == "vmcnt" else scalar
                    # Scalar loads come back in any order, so a wait that leaves some in flight is for workgroup memory.
                    if counter == "vmcnt" or most == 0:
                        done = in_flight[: len(in_flight) - most]
                        now = max([now, *done])
                        del in_flight[: len(done)]
    return (now - before) / COUNTED_TURNS


def _counters(operands: str) -> Iterator[tuple[str, int]]:
    for counter, most in _COUNTER.findall(operands):
        yield counter, int(most)
