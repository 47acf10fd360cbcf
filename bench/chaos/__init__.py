"""The parts of ``bench.crash``: a script made from a seed, the stand-ins it is played on, and the judgement at the end."""
