"""The engine: one request at a time in step with its goal, many requests side by side, each ILS at its own pace."""
