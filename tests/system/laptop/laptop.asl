/*
 * ACPI table that makes a virtual machine a laptop, for the kernel's own drivers: a battery, a mains
 * adapter (battery, ac) and a panel with a backlight (classmate-laptop). Source: ACPI 6.4, chapters 10 and
 * 11, and the driver's drivers/platform/x86/classmate-laptop.c.
 *
 * The test sets them through five bytes of CMOS memory, which the guest can write as /dev/port:
 *
 *     0x60  charge in percent             0x63  1 while the battery is in its bay
 *     0x61  1 on mains                    0x64  0xA5: apply the others
 *     0x62  1 discharging, 2 charging
 *
 * Real firmware gets an interrupt; this one reads the bytes whenever the temperature is read.
 */
DefinitionBlock ("", "SSDT", 2, "WIRE", "LAPTOP", 1)
{
    Scope (\_SB)
    {
        OperationRegion (PORT, SystemIO, 0x70, 2)
        Field (PORT, ByteAcc, Lock, Preserve) { PIDX, 8, PVAL, 8 }
        IndexField (PIDX, PVAL, ByteAcc, Lock, Preserve)
        {
            Offset (0x60),
            SCHG, 8,
            SMNS, 8,
            SFLW, 8,
            SBAY, 8,
            SNEW, 8
        }

        Name (CHRG, 80)
        Name (MAIN, 0)
        Name (FLOW, 1)
        Name (BAYF, 1)

        Device (MNS0)
        {
            Name (_HID, "ACPI0003")
            Name (_PCL, Package () { \_SB })
            Method (_PSR) { Return (MAIN) }
        }

        Device (BAT0)
        {
            Name (_HID, EisaId ("PNP0C0A"))
            Name (_UID, 1)
            Name (_PCL, Package () { \_SB })
            Method (_STA)
            {
                If (BAYF) { Return (0x1F) }
                Return (0x0F)
            }
            // mWh; designed for 60 Wh, holds 50
            Name (_BIF, Package ()
            {
                0, 60000, 50000, 1, 12000, 5000, 2000, 1, 1, "DESK-1", "1", "LION", "WIRE"
            })
            Method (_BST)
            {
                Local0 = Package () { 0, 10000, 0, 12000 }
                Local0 [0] = FLOW
                Local0 [2] = CHRG * 500
                Return (Local0)
            }
        }

        // The panel of the Classmate PC: function 0xC0 is its brightness, 0 to 7; 0xC1 the radio's switch.
        Device (PANL)
        {
            Name (LEVL, 5)
            Method (_HID) { Return (Concatenate ("IPM", "L200")) } // no EISA id, as iasl would insist
            Method (GRDI, 1, Serialized)
            {
                If (Arg0 == 0xC0) { Return (LEVL) }
                Return (1)
            }
            Method (GWRI, 2, Serialized)
            {
                If (Arg0 == 0xC0) { LEVL = Arg1 }
            }
        }
    }

    Scope (\_TZ)
    {
        ThermalZone (TZN0)
        {
            Method (_CRT) { Return (3900) }
            Method (_TMP)
            {
                If (\_SB.SNEW == 0xA5)
                {
                    \_SB.SNEW = 0
                    Local0 = \_SB.BAYF
                    \_SB.CHRG = \_SB.SCHG
                    \_SB.MAIN = \_SB.SMNS
                    \_SB.FLOW = \_SB.SFLW
                    \_SB.BAYF = \_SB.SBAY
                    Notify (\_SB.MNS0, 0x80)
                    If (Local0 != \_SB.BAYF) { Notify (\_SB.BAT0, 0x81) }
                    Notify (\_SB.BAT0, 0x80)
                }
                Return (3000)
            }
        }
    }
}
