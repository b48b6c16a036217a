"""LongReward Studio: see, check and use what a long-document judge says."""

__version__ = "0.1.0"
