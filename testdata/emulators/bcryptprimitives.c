/*
 * Go's runtime takes its random seed from ProcessPrng in bcryptprimitives.dll
 * and will not start without it. Wine 8.0 does not ship that DLL, so this one
 * stands in for it, in the emulator's prefix only.
 */
#include <windows.h>
#include <ntsecapi.h> /* RtlGenRandom, exported by advapi32 as SystemFunction036 */

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T size)
{
	while (size > 0) {
		ULONG part = size > 0x10000000 ? 0x10000000 : (ULONG)size;

		if (!RtlGenRandom(data, part))
			return FALSE;
		data += part;
		size -= part;
	}
	return TRUE;
}
