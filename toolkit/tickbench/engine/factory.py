"""Makes the core that a profile asks for."""

from __future__ import annotations

from tickbench.components.order_book.contract import BookConfig
from tickbench.engine.core import Core, Setting
from tickbench.engine.pages import EnginePage
from tickbench.engine.profiles import Profile, Stages
from tickbench.engine.stages.checks import can_be_compiled, check_codec, check_indicators
from tickbench.engine.strategy import Strategy
from tickbench.errors import UsageError

_TINY = BookConfig(64, 1, 64, 1)


def check_stages(profile: Profile, stages: Stages) -> bool:
    """Whether the stages make a compiled core; UsageError where they cannot be what the profile asks for."""
    codec = stages.codec.build(None)
    check_codec(stages.codec.name, codec, profile.wire)
    check_indicators(stages.indicators.name, stages.indicators.build(None))
    compiled = stages.are_native and profile.wire == "binary"
    if profile.transport == "spinning" and not compiled:
        slow = [f"{stage}={name}" for stage, name in stages.names().items() if getattr(stages, stage).runtime == "python"]
        reason = f"runs in Python: {', '.join(slow)}" if slow else "is the JSON wire"
        raise UsageError(f"the spinning transport calls no Python, and there {reason}; choose --transport picows")
    return compiled


def make_core(profile: Profile, stages: Stages, setting: Setting, strategy: Strategy, page: EnginePage) -> Core:
    """One kernel a frame if every stage is compiled and the wire is binary, else a core in Python around the variants."""
    if check_stages(profile, stages) and can_be_compiled(stages.codec.build(None), stages.order_book.build(_TINY)):
        from tickbench.engine.compiled.core import CompiledCore

        return CompiledCore(stages, setting, strategy, page)
    from tickbench.engine.interpreted.core import InterpretedCore

    return InterpretedCore(stages, setting, strategy, page, profile.wire)
