package geo

// plane is a map of the earth that reaches as far as these on both sides of 0.
type plane struct{ longitude, latitude float64 }

// world is the map of scores.
func world() plane { return plane{LongitudeMax, LatitudeMax} }

// cell is one of the 4^steps fields of a map: the steps are halvings of both axes, and each gives two bits, that of the longitude first. With
// two steps, from the south west, the fields are
//
//	0101 0111 1101 1111
//	0100 0110 1100 1110
//	0001 0011 1001 1011
//	0000 0010 1000 1010
//
// The zero value is no cell.
type cell struct {
	bits  uint64
	steps int
}

// The bits of latitudes and of longitudes.
const (
	northBits = 0x5555555555555555
	eastBits  = 0xaaaaaaaaaaaaaaaa
)

// cell is the field that a point lies in.
func (m plane) cell(p Point, steps int) cell {
	size := float64(uint64(1) << steps)
	north := float64((p.Latitude+m.latitude)/(2*m.latitude)) * size
	east := float64((p.Longitude+m.longitude)/(2*m.longitude)) * size
	return cell{bits: spread(uint32(north)) | spread(uint32(east))<<1, steps: steps}
}

// corners are the south west and the north east end of a field.
func (m plane) corners(c cell) (least, most Point) {
	size := float64(uint64(1) << c.steps)
	north, east := gather(c.bits), gather(c.bits>>1)
	at := func(n uint32, reach float64) float64 { return -reach + float64(float64(n)/size*(2*reach)) }
	return Point{at(east, m.longitude), at(north, m.latitude)}, Point{at(east+1, m.longitude), at(north+1, m.latitude)}
}

// moved is the field so many fields east and north, each -1, 0 or 1. What leaves the map comes back on the other side.
func (c cell) moved(east, north int) cell {
	used := ^uint64(0) >> (64 - 2*c.steps)
	e, n := c.bits&eastBits, c.bits&northBits
	// The bits between those of one axis are filled with ones to carry, and with zeros to borrow.
	switch east {
	case 1:
		e = (e + northBits&used + 1) & eastBits & used
	case -1:
		e = ((e | northBits&used) - (northBits&used + 1)) & eastBits & used
	}
	switch north {
	case 1:
		n = (n + eastBits&used + 1) & northBits & used
	case -1:
		n = ((n | eastBits&used) - (eastBits&used + 1)) & northBits & used
	}
	c.bits = e | n
	return c
}

// scores are the scores of the points in a field.
func (c cell) scores() Range {
	shift := 2 * (stepsMax - c.steps)
	return Range{Min: float64(c.bits << shift), Max: float64((c.bits + 1) << shift)}
}

// spread puts the bits of x at the even places.
func spread(x uint32) uint64 {
	v := uint64(x)
	v = (v | v<<16) & 0x0000ffff0000ffff
	v = (v | v<<8) & 0x00ff00ff00ff00ff
	v = (v | v<<4) & 0x0f0f0f0f0f0f0f0f
	v = (v | v<<2) & 0x3333333333333333
	return (v | v<<1) & northBits
}

// gather takes the bits at the even places.
func gather(v uint64) uint32 {
	v &= northBits
	v = (v | v>>1) & 0x3333333333333333
	v = (v | v>>2) & 0x0f0f0f0f0f0f0f0f
	v = (v | v>>4) & 0x00ff00ff00ff00ff
	v = (v | v>>8) & 0x0000ffff0000ffff
	return uint32(v | v>>16)
}
