"""The studio's answers, by noun: plain values, ready to print or to write as JSON."""
