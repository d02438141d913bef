"""Program in the laptop that sets the battery and the charger, which laptop.asl emulates.

firmware.py CHARGE MAINS FLOW BAY    percent; 1 on mains; 0 idle, 1 discharging, 2 charging; 1 there
"""

import os
import sys
from pathlib import Path

FIRST = 0x60
APPLY = 0xA5
INDEX_PORT, VALUE_PORT = 0x70, 0x71

port = os.open("/dev/port", os.O_WRONLY)
for index, value in enumerate([*map(int, sys.argv[1:5]), APPLY], FIRST):
    os.pwrite(port, bytes([index]), INDEX_PORT)
    os.pwrite(port, bytes([value]), VALUE_PORT)
os.close(port)
Path("/sys/class/thermal/thermal_zone0/temp").read_text(encoding="ascii")  # makes ACPI apply them
