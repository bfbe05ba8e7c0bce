"""Scenario and provider files (TOML) as frozen, validated values; unknown keys are refused."""

from mstoolkit.config.data import data_path, data_text, isp_names, scenario_names
from mstoolkit.config.errors import ConfigError
from mstoolkit.config.failover import Breaker, Failover
from mstoolkit.config.load import content_hash, load_profile, load_scenario, parse_scenario, parsed
from mstoolkit.config.pacing import AdaptSpec, Allowance, FeedbackSpec, Limits, Pacing
from mstoolkit.config.policy import Policy, load_policy
from mstoolkit.config.preset import Preset, load_preset, policy_names
from mstoolkit.config.profile import Profile
from mstoolkit.config.retry import Retry
from mstoolkit.config.rotation import RotationSpec
from mstoolkit.config.scenario import (
    Audience,
    Campaign,
    Outage,
    Scenario,
    Segment,
    Server,
)
from mstoolkit.config.units import parse_duration, parse_rate

__all__ = [
    "AdaptSpec",
    "Allowance",
    "Audience",
    "Breaker",
    "Campaign",
    "ConfigError",
    "Failover",
    "FeedbackSpec",
    "Limits",
    "Outage",
    "Pacing",
    "Policy",
    "Preset",
    "Profile",
    "Retry",
    "RotationSpec",
    "Scenario",
    "Segment",
    "Server",
    "content_hash",
    "data_path",
    "data_text",
    "isp_names",
    "load_policy",
    "load_preset",
    "load_profile",
    "load_scenario",
    "parse_duration",
    "parse_rate",
    "parse_scenario",
    "parsed",
    "policy_names",
    "scenario_names",
]
